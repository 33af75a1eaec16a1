/**
 * The layers of a sandbox of which some may change, as a value: an order gives another one. Whoever holds a stack sees one
 * version of every layer, whatever is ordered meanwhile.
 *
 * Owns drafts, versions and seals, and the errno of an order. Who may give orders is not known here.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { done, type Result, refused } from '../landlock/result.ts';
import type { Category, RuleLayer } from '../rules.ts';
import { editRules } from './rule-change.ts';
import type { LayerAnswered, LayerEditEntry, LayerInfo, LayerOrder } from './rule-orders.ts';
import { isStricterRules } from './rule-stricter.ts';
import type { Mutability } from './world.ts';

/** Layers of one sandbox, as Landlock has it. */
export const MOST_LAYERS = 16;
/** Versions of a layer that may only become stricter: each one binds, so each one costs. */
export const MOST_VERSIONS = 256;

/** A layer with its versions. */
export interface RuleEntry {
  readonly key: number;
  readonly mutability: Mutability;
  readonly version: number;
  /** What binds: the last version; of a layer that may only become stricter, all before it as well. */
  readonly committed: readonly RuleLayer[];
  readonly draft: RuleLayer;
}

export interface RuleStack {
  /** Oldest first. A key is the place here: nothing is ever taken out. */
  readonly entries: readonly RuleEntry[];
  /** What layers may be added about; `null` where none may be. */
  readonly adds: readonly Category[] | null;
}

/** A stack of the layers of a plan. */
export function openStack(layers: readonly RuleLayer[], adds: readonly Category[] | null = null): RuleStack {
  return { entries: layers.map(newEntry), adds };
}

function newEntry(layer: RuleLayer, key: number): RuleEntry {
  const mutability = layer.mutable ?? 'immutable';
  const first = mutability === 'immutable' ? layer : { ...layer, state: { key, version: 0 } };
  return { key, mutability, version: 0, committed: [first], draft: first };
}

/** All that binds, oldest first: every request must be allowed by each. */
export function bindingLayers({ entries }: RuleStack): readonly RuleLayer[] {
  return entries.flatMap(({ committed }) => committed);
}

/**
 * Carries out an order.
 *
 * @param time milliseconds since 1970, for the log
 * @returns the stack afterwards, and the answer: EBADF for no such layer, EROFS for one that cannot change (any more), EPERM
 *   for an edit that gives more to a layer that may only become stricter, or where no layers may be added, EBUSY where
 *   somebody else committed in between, EINVAL for what the layer or the sandbox does not handle, and as `editRules`
 */
export function orderLayers(
  stack: RuleStack,
  order: LayerOrder,
  time: number,
): { readonly stack: RuleStack; readonly answered: LayerAnswered } {
  if (order.kind === 'list') return { stack, answered: { errno: 0, layers: stack.entries.map(infoOf) } };
  const result = order.kind === 'add' ? addEntry(stack, order.layer) : changeEntry(stack, order);
  if (!result.ok) return { stack, answered: { errno: result.errno, layers: [] } };
  const { entry, widened } = result.value;
  const before = stack.entries[entry.key];
  const entries = [...stack.entries];
  entries[entry.key] = entry;
  return {
    stack: { ...stack, entries },
    answered: {
      errno: 0,
      layers: [infoOf(entry)],
      key: entry.key,
      ...('editor' in order ? { entry: logOf(order, before, entry, widened, time) } : {}),
    },
  };
}

type Changed = Result<{ readonly entry: RuleEntry; readonly widened: boolean }>;

/** Never edits a layer. */
function addEntry({ entries, adds }: RuleStack, layer: RuleLayer): Changed {
  if (adds === null) return refused('EPERM');
  const handled = layer.categories.every((category) => adds.includes(category));
  if (!handled || layer.kind !== 'limit' || layer.calls !== undefined || layer.sockets !== undefined)
    return refused('EINVAL');
  if (entries.length >= MOST_LAYERS) return refused('E2BIG');
  return done({ entry: newEntry(layer, entries.length), widened: false });
}

/** Never adds a layer. */
function changeEntry(stack: RuleStack, order: Exclude<LayerOrder, { kind: 'list' | 'add' }>): Changed {
  const entry = stack.entries[order.key];
  if (entry === undefined) return refused('EBADF');
  if (entry.mutability === 'immutable') return refused('EROFS');
  if (order.kind === 'seal') return done({ entry: sealed(entry), widened: false });
  if (order.kind === 'commit') return commit(entry, order.base);
  if (order.kind === 'discard') return done({ entry: undrafted(entry), widened: false });
  if (order.kind === 'edit' && isDrafted(entry)) return refused('EBUSY');
  const draft = editRules(entry.draft, order.edits);
  if (!draft.ok) return draft;
  const present = entry.committed.at(-1)!;
  if (entry.mutability === 'stricter' && !isStricterRules(draft.value, present)) return refused('EPERM');
  const drafted = { ...entry, draft: draft.value };
  return order.kind === 'edit' ? commit(drafted, order.base) : done({ entry: drafted, widened: false });
}

function commit(entry: RuleEntry, base: number): Changed {
  const { key, draft, committed, mutability } = entry;
  if (entry.version !== base) return refused('EBUSY');
  const present = committed.at(-1)!;
  const widened = !isStricterRules(draft, present);
  if (widened && mutability === 'stricter') return refused('EPERM');
  const version = entry.version + 1;
  const next = { ...draft, state: { key, version } };
  const kept = mutability === 'stricter' ? committed : [];
  if (kept.length >= MOST_VERSIONS) return refused('E2BIG');
  return done({ entry: { ...entry, version, committed: [...kept, next], draft: next }, widened });
}

function isDrafted({ draft, committed }: RuleEntry): boolean {
  return draft !== committed.at(-1);
}

function undrafted(entry: RuleEntry): RuleEntry {
  return { ...entry, draft: entry.committed.at(-1)! };
}

/** A draft that nobody committed is lost. */
function sealed(entry: RuleEntry): RuleEntry {
  const committed = entry.committed.map(({ mutable: _, ...layer }) => layer);
  return { ...entry, mutability: 'immutable', committed, draft: committed.at(-1)! };
}

function infoOf(entry: RuleEntry): LayerInfo {
  const { key, mutability, version, committed } = entry;
  const layer = committed.at(-1)!;
  return { key, name: layer.name, mutability, version, layer, drafted: isDrafted(entry) };
}

function logOf(
  order: Extract<LayerOrder, { editor: string }>,
  before: RuleEntry | undefined,
  after: RuleEntry,
  widened: boolean,
  time: number,
): LayerEditEntry {
  return {
    time,
    operation: order.kind === 'edit' ? 'commit' : order.kind,
    layer: after.key,
    name: after.draft.name,
    editor: order.editor,
    from: before?.version ?? 0,
    to: after.version,
    widened,
  };
}

/** An answer to an order that nobody could read. */
export function refusedOrder(): LayerAnswered {
  return { errno: ERRNO.EINVAL, layers: [] };
}
