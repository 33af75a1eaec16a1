/**
 * The filesystem half of a ruleset: which rights it handles, which objects get what, and what of the policy that misses.
 *
 * Owns the order of the steps and the gaps they lead to. UNIX sockets with a path are part of it, because the kernel
 * judges them by rules on paths.
 */

import type { PathRule, Rule, UnixRule } from '../model/rules.ts';
import type { AbiRow } from '../uapi/landlock.ts';
import { ACCESS_FILE, fsMask, fsRights } from '../uapi/masks.ts';
import { type Bite, type Effects, effectsOf, isFile } from './compile-effective.ts';
import { addSiblings, type Expanded, expandGlobs, MAX_NAMES } from './compile-expand.ts';
import type { LocatedLayer } from './compile-facts.ts';
import {
  biteFeature,
  biteGap,
  holdsByExpansion,
  lowerBinds,
  rightGaps,
  ruleGaps,
} from './compile-fs-gaps.ts';
import type { GapList } from './compile-gaps.ts';
import { accessOf, type Grants, grantsOf } from './compile-grants.ts';
import {
  BIND_BIT,
  buildTree,
  CONNECT_BIT,
  FS_BITS,
  type GlobRule,
  maskOf,
  nodeAt,
  restrictedBy,
  type Tree,
} from './compile-tree.ts';
import { type Widened, widen } from './compile-widen.ts';
import type { Host } from './plan.ts';

const MAKE_SOCK = fsMask('fs.make_sock');
const REFER = fsMask('fs.refer');

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
export function compileFs(
  layers: readonly LocatedLayer[],
  host: Host,
  row: AbiRow,
  gaps: GapList,
  widened: Widened = new Map(),
): FsResult {
  const restricted = restrictedBits(layers);
  const handled = handledBits(restricted, row);
  const held = handled | (handled & MAKE_SOCK ? BIND_BIT & restricted : 0);
  const dropped = new Set<Rule>();
  let tree: Tree;
  let effects: Effects;
  let globs: ReadonlyMap<GlobRule, number | null>;
  for (;;) {
    tree = buildTree(layers, dropped);
    if (widened.size > 0) widen(tree, layers, widened, host, gaps);
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

function connectReach(restricted: number, everywhere: number, effects: Effects): FsResult['connect'] {
  if (!(restricted & CONNECT_BIT) || everywhere & CONNECT_BIT) return 'all';
  for (const effect of effects.of.values())
    if ((effect.safe | effect.self | effect.carved) & CONNECT_BIT) return 'some';
  return 'none';
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
