/**
 * Changing a layer: drafting edits, committing them at one point for everyone who carries the layer, sealing it, asking
 * about it. Never adds a layer. Only the principal may, and never from inside.
 */

import { done, type Result, refused } from '../landlock/result.ts';
import { type Chains, type Edit, edit, isStricter } from './content.ts';
import {
  type LayerKey,
  type LayerState,
  livesInside,
  type Mutability,
  type Principal,
  type TaskId,
  type World,
  withLayer,
} from './world.ts';

/** What a commit leaves in the audit log. */
export interface LayerEdit {
  readonly layer: LayerKey;
  readonly editor: TaskId;
  readonly from: number;
  readonly to: number;
  /** Whether anything is allowed now that was not before. */
  readonly widened: boolean;
}

/** Renders a commit as a line of an audit log. */
export function renderLayerEdit(entry: LayerEdit): string {
  const { layer, editor, from, to, widened } = entry;
  return `op=commit-layer layer=${layer.toString(16)} editor=${editor} from=${from} to=${to} widened=${widened ? 'yes' : 'no'}`;
}

/** The layer, if the caller is its principal: EBADF for none, EPERM for others and from inside. */
function held(world: World, caller: TaskId, key: LayerKey): Result<LayerState> {
  const layer = world.layers.get(key);
  if (layer === undefined || !world.tasks.has(caller)) return refused('EBADF');
  const may = !livesInside(world, caller, layer) && isPrincipal(world, caller, layer);
  return may ? done(layer) : refused('EPERM');
}

/** The layer, if the caller may change it now. That a layer is immutable is told to everyone outside of it. */
function changeable(world: World, caller: TaskId, key: LayerKey): Result<LayerState> {
  const layer = world.layers.get(key);
  if (layer?.mutability === 'immutable' && !livesInside(world, caller, layer)) return refused('EROFS');
  return held(world, caller, key);
}

function isPrincipal(world: World, caller: TaskId, layer: LayerState): boolean {
  switch (layer.principal.kind) {
    case 'task':
      return layer.principal.task === caller && layer.holders.has(caller);
    case 'holder':
      return layer.holders.has(caller);
    case 'ancestor': {
      const stack: LayerKey[] = [];
      for (let key = layer.below; key !== null; key = world.layers.get(key)?.below ?? null)
        stack.unshift(key);
      return world.tasks.get(caller)!.layers.every((key, index) => stack[index] === key);
    }
  }
}

/**
 * Drafts edits; nobody sees them before a commit.
 *
 * @param chains the tree, for judging by meaning whether a stricter-only layer would give more.
 * @returns the world, or EBADF, EPERM, EROFS for an immutable layer, EINVAL and ENOMSG for edits that make no sense
 */
export function modifyLayer(
  world: World,
  caller: TaskId,
  key: LayerKey,
  edits: readonly Edit[],
  chains: Chains,
): Result<World> {
  const found = changeable(world, caller, key);
  if (!found.ok) return found;
  const layer = found.value;
  const draft = edit(layer.draft, edits);
  if (!draft.ok) return draft;
  if (layer.mutability === 'stricter' && !isStricter(draft.value, layer.committed.at(-1)!, chains))
    return refused('EPERM');
  return done(withLayer(world, { ...layer, draft: draft.value }));
}

/**
 * Makes all drafted edits visible at once.
 *
 * @param base the version that the caller drafted against.
 * @returns the world and what to log, or EBADF, EPERM (also for a stricter-only layer that would give more), EROFS, EBUSY
 *   where somebody else committed in between
 */
export function commitLayer(
  world: World,
  caller: TaskId,
  key: LayerKey,
  base: number,
  chains: Chains,
): Result<{ readonly world: World; readonly entry: LayerEdit }> {
  const found = changeable(world, caller, key);
  if (!found.ok) return found;
  const layer = found.value;
  if (layer.version !== base) return refused('EBUSY');
  const before = layer.committed.at(-1)!;
  const widened = !isStricter(layer.draft, before, chains);
  if (widened && layer.mutability === 'stricter') return refused('EPERM');
  // Older versions of a stricter-only layer keep binding, so that moving an object later gives nothing back.
  const kept = layer.mutability === 'stricter' ? layer.committed : [];
  const committed = kept.includes(layer.draft) ? kept : [...kept, layer.draft];
  const version = layer.version + 1;
  const entry: LayerEdit = { layer: key, editor: caller, from: layer.version, to: version, widened };
  return done({ world: withLayer(world, { ...layer, committed, version }), entry });
}

/** Makes a layer immutable for ever. Drafts are lost. */
export function sealLayer(world: World, caller: TaskId, key: LayerKey): Result<World> {
  const found = changeable(world, caller, key);
  if (!found.ok) return found;
  return done(
    withLayer(world, {
      ...found.value,
      mutability: 'immutable',
      draft: found.value.committed.at(-1) ?? found.value.draft,
    }),
  );
}

/** What its principal may know of a layer; how many tasks carry it is nobody's business. */
export function queryLayer(
  world: World,
  caller: TaskId,
  key: LayerKey,
): Result<{ readonly version: number; readonly mutability: Mutability; readonly principal: Principal }> {
  const found = held(world, caller, key);
  if (!found.ok) return found;
  const { version, mutability, principal } = found.value;
  return done({ version, mutability, principal });
}
