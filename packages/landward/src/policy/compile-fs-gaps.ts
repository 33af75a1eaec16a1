/**
 * The gaps of path rules: strict rules inside granted trees, rights that the kernel does not know, patterns and single
 * entries that Landlock cannot name.
 *
 * Owns what counts as a gap and what its sentence says; which rules bite is found by `compile-effective.ts`.
 */

import { spokenMask } from '../model/rules/rights.ts';
import type { PathPattern, PathRule, Rule, UnixRule } from '../model/rules.ts';
import type { AbiRow } from '../uapi/landlock.ts';
import { fsMask } from '../uapi/masks.ts';
import { type Effects, ENTRY_BITS, isFile } from './compile-effective.ts';
import { MAX_NAMES } from './compile-expand.ts';
import { type Located, type LocatedLayer, parentOf } from './compile-facts.ts';
import type { GapList } from './compile-gaps.ts';
import {
  BIND_BIT,
  FS_BITS,
  type GlobRule,
  type MaskRule,
  maskOf,
  type Node,
  nodeAt,
  type Tree,
} from './compile-tree.ts';
import type { Feature } from './features.ts';

const REFER = fsMask('fs.refer');
const READ_DIR = fsMask('fs.read_dir');

/** Whether a strict rule is held by granting what is beside what it names now. */
export function holdsByExpansion(rule: MaskRule, globs: ReadonlyMap<GlobRule, number | null>): boolean {
  const written = rule.located.rule;
  if (written.kind !== 'path' || written.expand !== true) return false;
  return !('glob' in rule) || typeof globs.get(rule as GlobRule) === 'number';
}

/** The name under which a person accepts that a strict rule inside a granted tree is not held. */
export function biteFeature(rule: MaskRule): Feature {
  return 'glob' in rule && rule.located.rule.verdict === 'deny' ? 'fs.glob' : 'fs.deny';
}

/** The gap of a strict rule inside a granted tree. */
export function biteGap(rule: MaskRule, globs: ReadonlyMap<GlobRule, number | null>, gaps: GapList): void {
  const path = shown(rule.located.rule);
  const feature = biteFeature(rule);
  const tooMany = 'glob' in rule && globs.get(rule as GlobRule) === null;
  gaps.add(feature, {
    rule: rule.located.rule,
    lost: tooMany
      ? `'${path}' names objects among more than ${MAX_NAMES} names, too many to look at, and is not held`
      : `'${path}' lies in a tree that another rule grants, and Landlock cannot take back what it granted above`,
    closes: 'the supervisor, a grant that leaves it out, or expand = true for what exists now',
  });
}

/** A restriction that this kernel does not know. */
export function rightGaps(
  restricted: number,
  row: AbiRow,
  everywhere: number,
  layers: readonly LocatedLayer[],
  gaps: GapList,
): void {
  for (const right of ['fs.truncate', 'fs.ioctl_dev'] as const) {
    const bit = fsMask(right);
    if (restricted & bit & ~row.fs & ~everywhere) gaps.add(right);
  }
  const wanted = layers.some((layer) =>
    layer.rules.some(
      ({ rule }) => rule.kind === 'path' && rule.verdict === 'allow' && spokenMask(rule) & REFER,
    ),
  );
  if (row.abi === 1 && wanted && restricted & FS_BITS) gaps.add('fs.refer');
}

/** Gaps that a rule has by itself, wherever it stands. */
export function ruleGaps(
  layers: readonly LocatedLayer[],
  tree: Tree,
  effects: Effects,
  gaps: GapList,
  held: number,
): void {
  for (const layer of layers) {
    for (const located of layer.rules) {
      const { rule } = located;
      if (rule.kind !== 'path' && rule.kind !== 'unix') continue;
      if (rule.verdict !== 'allow') strictGaps(rule, gaps);
      else if (located.pattern !== null)
        allowGaps({ ...located, rule }, located.pattern, maskOf(rule, layer) & held, tree, effects, gaps);
    }
  }
}

function strictGaps(rule: PathRule | UnixRule, gaps: GapList): void {
  if (rule.verdict === 'hide') gaps.add('fs.hide', { rule });
  if (rule.verdict === 'ask') gaps.add('fs.ask', { rule });
  const rights = rule.kind === 'path' ? rule.rights : [];
  if (rights.length > 0 && rights.every((right) => right.startsWith('meta.')))
    gaps.add('fs.metadata', { rule });
}

function allowGaps(
  { rule, skipped }: Located<PathRule | UnixRule>,
  pattern: PathPattern,
  mask: number,
  tree: Tree,
  effects: Effects,
  gaps: GapList,
): void {
  if (skipped) {
    if (pattern.kind === 'exact') exactGaps(rule, pattern.path, false, mask & ENTRY_BITS, gaps);
    return;
  }
  const node = nodeAt(tree, pattern.path);
  const effect = effects.of.get(node)!;
  if (pattern.kind === 'glob') {
    const expanded =
      rule.kind === 'path' && rule.expand === true && !node.globs.some((glob) => glob.located.rule === rule);
    if (expanded || (mask & ~effect.below) === 0) return;
    gaps.add('fs.glob', {
      rule,
      lost: `'${shown(rule)}' is not granted, since Landlock rules name objects and not patterns`,
      closes: 'the supervisor, a rule for the whole tree, or expand = true for what exists now',
    });
  } else if (pattern.kind === 'exact') {
    const above = effects.of.get(nodeAt(tree, parentOf(pattern.path)))!;
    const only = mask & effect.self;
    const missed = (only & ~effect.below & ~ENTRY_BITS) | (only & ~above.safe & ENTRY_BITS);
    exactGaps(rule, node.path, !isFile(node), missed, gaps);
  }
}

function exactGaps(rule: Rule, path: string, directory: boolean, only: number, gaps: GapList): void {
  if (directory && only & READ_DIR) gaps.add('fs.exact', { rule });
  if (only & ENTRY_BITS) {
    gaps.add('fs.create', {
      rule,
      lost: `'${path}' cannot be made, removed or moved by name, since Landlock asks the directory that holds it`,
    });
  }
}

/**
 * Binding is judged on the directory. A rule for a socket that is not there yet needs `fs.make_sock` in its directory,
 * which allows other sockets there as well: a person must accept that.
 */
export function lowerBinds(tree: Tree, gaps: GapList): void {
  const names: { readonly node: Node; readonly rule: MaskRule }[] = [];
  const walk = (node: Node): void => {
    for (const rule of node.rules) {
      if (!rule.strict && rule.mask === BIND_BIT && (rule.exact || node.fact?.type !== 'directory'))
        names.push({ node, rule });
    }
    for (const child of node.children.values()) walk(child);
  };
  walk(tree.root);
  for (const { node, rule } of names) {
    const written = rule.located.rule;
    gaps.add('fs.create', {
      rule: written,
      lost: `'${node.path}' cannot be bound by name: Landlock can only allow any socket in '${parentOf(node.path)}'`,
      closes: 'the supervisor, or a rule for the directory',
    });
    if (gaps.accepts('fs.create')) nodeAt(tree, parentOf(node.path)).rules.push({ ...rule, exact: false });
  }
}

/** A rule's path as a person wrote it. */
export function shown(rule: Rule): string {
  if (rule.kind === 'path') return rule.pattern.kind === 'glob' ? rule.pattern.glob : rule.pattern.path;
  if (rule.kind === 'unix' && rule.target.kind === 'path') {
    return rule.target.pattern.kind === 'glob' ? rule.target.pattern.glob : rule.target.pattern.path;
  }
  return rule.kind;
}
