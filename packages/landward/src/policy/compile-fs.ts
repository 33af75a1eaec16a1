/**
 * The filesystem half of a ruleset: which rights it handles, which objects get what, and what of the policy that misses.
 *
 * Owns the order of the steps and the gaps they lead to. UNIX sockets with a path are part of it, because the kernel
 * judges them by rules on paths.
 */

import { spokenMask } from '../model/rules/rights.ts';
import type { PathRule, Rule, UnixRule } from '../model/rules.ts';
import type { AbiRow } from '../uapi/landlock.ts';
import { ACCESS_FILE, fsMask, fsRights } from '../uapi/masks.ts';
import { type Bite, type Effects, ENTRY_BITS, effectsOf, isFile } from './compile-effective.ts';
import { addSiblings, type Expanded, expandGlobs, MAX_NAMES } from './compile-expand.ts';
import { type LocatedLayer, parentOf } from './compile-facts.ts';
import type { GapList } from './compile-gaps.ts';
import { accessOf, type Grants, grantsOf } from './compile-grants.ts';
import {
  BIND_BIT,
  buildTree,
  CONNECT_BIT,
  FS_BITS,
  type GlobRule,
  type MaskRule,
  maskOf,
  type Node,
  nodeAt,
  restrictedBy,
  type Tree,
} from './compile-tree.ts';
import type { Feature } from './features.ts';
import type { Host } from './plan.ts';

const MAKE_SOCK = fsMask('fs.make_sock');
const REFER = fsMask('fs.refer');
const READ_DIR = fsMask('fs.read_dir');

/** What became of the path rules. */
export interface FsResult {
  readonly handled: number;
  readonly grants: Grants;
  /** Directories whose children are granted one by one. */
  readonly expanded: readonly Expanded[];
  /** What the policy restricts, as far as any kernel can. */
  readonly restricted: number;
  readonly tree: Tree;
  readonly effects: Effects;
  /** How many objects each glob with `expand` named; `null` where there were too many. */
  readonly globs: ReadonlyMap<Rule, number | null>;
  readonly bitten: ReadonlySet<Rule>;
  /** Strict rules that are not held, because their gap was accepted. */
  readonly dropped: ReadonlySet<Rule>;
  /** Whether a UNIX socket outside may be connected to by its path: nowhere, somewhere, everywhere. */
  readonly connect: 'none' | 'some' | 'all';
}

/** Compiles the path rules of all layers. */
export function compileFs(layers: readonly LocatedLayer[], host: Host, row: AbiRow, gaps: GapList): FsResult {
  const restricted = restrictedBits(layers);
  const handled = handledBits(restricted, row);
  const held = handled | (handled & MAKE_SOCK ? BIND_BIT & restricted : 0);
  const dropped = new Set<Rule>();
  let tree: Tree;
  let effects: Effects;
  let globs: ReadonlyMap<GlobRule, number | null>;
  for (;;) {
    tree = buildTree(layers, dropped);
    lowerBinds(tree, gaps);
    globs = expandGlobs(tree, host, { left: MAX_NAMES });
    effects = effectsOf(tree, held);
    const accepted = effects.bites.filter(
      ({ rule }) => !holdsByExpansion(rule, globs) && gaps.accepts(biteFeature(rule)),
    );
    if (accepted.length === 0) break;
    for (const { rule } of accepted) {
      biteGap(rule, globs, gaps);
      dropped.add(rule.located.rule);
    }
  }
  for (const bite of effects.bites) if (!holdsByExpansion(bite.rule, globs)) biteGap(bite.rule, globs, gaps);
  const expanded = addSiblings(tree, effects, host);
  if (expanded.length > 0) effects = effectsOf(tree, held);
  const root = effects.of.get(tree.root)!;
  if (row.abi > 0) rightGaps(restricted, row, root.safe, layers, gaps);
  ruleGaps(layers, tree, effects, gaps, held);
  return {
    handled,
    grants: grantsOf(tree, effects, handled, host),
    expanded,
    restricted,
    tree,
    effects,
    globs: new Map([...globs].map(([rule, count]) => [rule.located.rule, count])),
    bitten: new Set(effects.bites.map((bite: Bite) => bite.rule.located.rule)),
    dropped,
    connect: connectReach(restricted, root.safe, effects),
  };
}

function restrictedBits(layers: readonly LocatedLayer[]): number {
  let bits = 0;
  for (const layer of layers) {
    bits |= restrictedBy(layer);
    for (const { rule } of layer.rules) {
      if (rule.verdict !== 'allow' && (rule.kind === 'path' || rule.kind === 'unix'))
        bits |= maskOf(rule as PathRule | UnixRule, layer);
    }
  }
  return bits;
}

/** `fs.refer` is denied by any ruleset with filesystem rights unless it is handled and granted. */
function handledBits(restricted: number, row: AbiRow): number {
  const sockets = restricted & BIND_BIT ? MAKE_SOCK : 0;
  const handled = (restricted | sockets) & (FS_BITS | CONNECT_BIT) & row.fs;
  return handled === 0 ? 0 : handled | (REFER & row.fs);
}

function holdsByExpansion(rule: MaskRule, globs: ReadonlyMap<GlobRule, number | null>): boolean {
  const written = rule.located.rule;
  if (written.kind !== 'path' || written.expand !== true) return false;
  return !('glob' in rule) || typeof globs.get(rule as GlobRule) === 'number';
}

/** The name under which a person accepts that a strict rule inside a granted tree is not held. */
function biteFeature(rule: MaskRule): Feature {
  return 'glob' in rule && rule.located.rule.verdict === 'deny' ? 'fs.glob' : 'fs.deny';
}

function biteGap(rule: MaskRule, globs: ReadonlyMap<GlobRule, number | null>, gaps: GapList): void {
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
function rightGaps(
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
function ruleGaps(
  layers: readonly LocatedLayer[],
  tree: Tree,
  effects: Effects,
  gaps: GapList,
  held: number,
): void {
  for (const layer of layers) {
    for (const { rule, pattern, skipped } of layer.rules) {
      if (rule.verdict === 'hide') gaps.add('fs.hide', { rule });
      if (rule.verdict === 'ask' && (rule.kind === 'path' || rule.kind === 'unix'))
        gaps.add('fs.ask', { rule });
      if (
        rule.kind === 'path' &&
        rule.rights.length > 0 &&
        rule.rights.every((right) => right.startsWith('meta.'))
      ) {
        if (rule.verdict !== 'allow') gaps.add('fs.metadata', { rule });
        continue;
      }
      if (pattern === null || rule.verdict !== 'allow') continue;
      if (skipped) {
        if (pattern.kind === 'exact')
          exactGaps(
            rule,
            pattern.path,
            false,
            maskOf(rule as PathRule | UnixRule, layer) & ENTRY_BITS & held,
            gaps,
          );
        continue;
      }
      const mask = maskOf(rule as PathRule | UnixRule, layer);
      const node = nodeAt(tree, pattern.path);
      const effect = effects.of.get(node);
      if (effect === undefined) continue;
      if (pattern.kind === 'glob') {
        const expanded =
          rule.kind === 'path' &&
          rule.expand === true &&
          !node.globs.some((glob) => glob.located.rule === rule);
        if (expanded || (mask & held & ~effect.below) === 0) continue;
        gaps.add('fs.glob', {
          rule,
          lost: `'${shown(rule)}' is not granted, since Landlock rules name objects and not patterns`,
          closes: 'the supervisor, a rule for the whole tree, or expand = true for what exists now',
        });
      } else if (pattern.kind === 'exact') {
        const above = effects.of.get(nodeAt(tree, parentOf(pattern.path)))!;
        const only = mask & effect.self & held;
        exactGaps(
          rule,
          node.path,
          !isFile(node),
          (only & ~effect.below & ~ENTRY_BITS) | (only & ~above.safe & ENTRY_BITS),
          gaps,
        );
      }
    }
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
function lowerBinds(tree: Tree, gaps: GapList): void {
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

function connectReach(restricted: number, everywhere: number, effects: Effects): FsResult['connect'] {
  if (!(restricted & CONNECT_BIT) || everywhere & CONNECT_BIT) return 'all';
  for (const effect of effects.of.values())
    if ((effect.safe | effect.self | effect.carved) & CONNECT_BIT) return 'some';
  return 'none';
}

/** A rule's path as a person wrote it. */
export function shown(rule: Rule): string {
  if (rule.kind === 'path') return rule.pattern.kind === 'glob' ? rule.pattern.glob : rule.pattern.path;
  if (rule.kind === 'unix' && rule.target.kind === 'path') {
    return rule.target.pattern.kind === 'glob' ? rule.target.pattern.glob : rule.target.pattern.path;
  }
  return rule.kind;
}

/** What a path rule gives of what it says, as the ruleset stands: names of rights. */
export function lostRights(result: FsResult, layer: LocatedLayer, index: number): readonly string[] {
  const { rule, pattern, skipped } = layer.rules[index]!;
  if (pattern === null || skipped || pattern.kind === 'glob') return [];
  const node = nodeAt(result.tree, pattern.path);
  const effect = result.effects.of.get(node);
  if (effect === undefined) return [];
  const file = isFile(node);
  const wanted =
    maskOf(rule as PathRule | UnixRule, layer) &
    result.handled &
    (file ? effect.self & ACCESS_FILE : effect.below);
  // Where no rule of [unix] lets a socket be bound, that `fs.make_sock` is not granted is what the policy says.
  const sockets = effect.below & BIND_BIT ? 0 : MAKE_SOCK;
  return fsRights(wanted & ~accessOf(effect, result.handled) & ~sockets);
}
