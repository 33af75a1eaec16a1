/**
 * What the layers of a policy come to at each path, and what one Landlock ruleset may grant there.
 *
 * Landlock grants flow down: a rule on a directory cannot be taken back below it. So a path may be granted only what every
 * path below it may have. What the policy allows beyond that at a path is *carved*: it is lost there unless the
 * children are granted one by one. Owns that arithmetic on masks, and asks nobody.
 */

import { ACCESS_FILE, fsMask } from '../uapi/masks.ts';
import { ALL_BITS, type GlobRule, globAt, type MaskRule, type Node, type Tree } from './compile-tree.ts';

/** Rights that change the entries of a directory. */
export const ENTRY_BITS = fsMask(
  'fs.remove_dir',
  'fs.remove_file',
  'fs.make_char',
  'fs.make_dir',
  'fs.make_reg',
  'fs.make_sock',
  'fs.make_fifo',
  'fs.make_block',
  'fs.make_sym',
  'fs.refer',
);
const READ_DIR = fsMask('fs.read_dir');

/** The masks of one path. */
export interface Effect {
  /** What the policy allows on the object at the path. */
  readonly self: number;
  /** What it allows on objects below, where no rule speaks about them more exactly. */
  readonly below: number;
  /** What a Landlock rule may grant from here down. */
  readonly safe: number;
  /** What the policy allows below but a rule here must not grant. */
  readonly carved: number;
  /** Whether a rule with `expand` is the reason for a carve here or below. */
  readonly expand: boolean;
}

/** A strict rule that cuts into what is granted around it. */
export interface Bite {
  readonly rule: MaskRule;
  readonly path: string;
  readonly mask: number;
}

export interface Effects {
  readonly of: ReadonlyMap<Node, Effect>;
  readonly bites: readonly Bite[];
}

/** Whether the object is known and not a directory. */
export function isFile(node: Node): boolean {
  return node.fact !== null && node.fact.type !== 'directory';
}

/**
 * Computes the effect of every path of a tree.
 *
 * @param handled the bits that this host can restrict; a bite into other bits is not one
 */
export function effectsOf(tree: Tree, handled: number): Effects {
  const of = new Map<Node, Effect>();
  const bites: Bite[] = [];
  visit(tree.root, tree.free, [], { of, bites, handled });
  return { of, bites };
}

interface Work {
  readonly of: Map<Node, Effect>;
  readonly bites: Bite[];
  readonly handled: number;
}

/** Returns what may be granted above this node without giving too much here or below. */
function visit(
  node: Node,
  inherited: readonly number[],
  above: readonly GlobRule[],
  work: Work,
): Effect & { constraint: number } {
  const globs = node.globs.length === 0 ? above : [...above, ...node.globs];
  const outer = and(inherited);
  const below = [...inherited];
  const self = [...inherited];
  let expand = false;
  const bite = (rule: MaskRule, from: number) => {
    const mask = from & rule.mask & work.handled;
    if (mask === 0) return;
    work.bites.push({ rule, path: node.path, mask });
    if (expands(rule)) expand = true;
  };

  const say = (rule: MaskRule) => {
    if (rule.strict) {
      self[rule.layer]! &= ~rule.mask;
      if (!rule.exact) below[rule.layer]! &= ~rule.mask;
      bite(rule, outer);
    } else {
      // A grant of a tree gives nothing over the entry of its root.
      self[rule.layer]! |= rule.exact ? rule.mask : rule.mask & ~ENTRY_BITS;
      if (!rule.exact) below[rule.layer]! |= rule.mask;
    }
  };
  for (const rule of node.rules) if (rule.found && !rule.strict) say(rule);
  for (const rule of globs) if (rule.strict && globAt(rule.glob, node.path).here) say(rule);
  for (const rule of node.rules) if (rule.found && rule.strict) say(rule);
  for (const rule of node.rules) if (!rule.found && !rule.strict) say(rule);
  for (const rule of node.rules) if (!rule.found && rule.strict) say(rule);

  const generic = [...below];
  for (const rule of globs) {
    if (!rule.strict || isFile(node) || !globAt(rule.glob, node.path).below) continue;
    bite(rule, and(below));
    generic[rule.layer]! &= ~rule.mask;
  }

  const allowedSelf = and(self);
  const allowedBelow = and(below);
  let safe = and(generic) & (allowedSelf | ~READ_DIR);
  for (const child of node.children.values()) {
    const inner = visit(child, below, globs, work);
    safe &= inner.constraint;
    expand ||= inner.expand;
  }
  if (isFile(node)) safe = allowedSelf & ACCESS_FILE;
  let carved = isFile(node) ? 0 : allowedBelow & ~safe & work.handled;
  // The kernel's rules follow objects: where siblings are granted one by one, names must not change.
  if (carved !== 0) {
    safe &= ~ENTRY_BITS;
    carved = allowedBelow & ~safe & work.handled;
  }
  const effect = { self: allowedSelf, below: allowedBelow, safe, carved, expand };
  work.of.set(node, effect);
  return { ...effect, constraint: constraintOf(node, effect, work.of) };
}

/**
 * What a node leaves to its parent. A file cannot be listed, so a denied one does not keep its directory from
 * being listed; where there is nothing, anything may come.
 */
function constraintOf(node: Node, effect: Effect, of: ReadonlyMap<Node, Effect>): number {
  if (!isFile(node)) {
    const unknown = node.fact === null && !node.create && node.rules.length > 0;
    return effect.safe & (unknown ? effect.self : effect.self | ~ENTRY_BITS);
  }
  let constraint = effect.self | READ_DIR;
  for (const child of node.children.values()) constraint &= of.get(child)!.safe | READ_DIR;
  return constraint;
}

function expands(rule: MaskRule): boolean {
  return rule.located.rule.kind === 'path' && rule.located.rule.expand === true;
}

function and(masks: readonly number[]): number {
  let all = ALL_BITS;
  for (const mask of masks) all &= mask;
  return all;
}
