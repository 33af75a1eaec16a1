/**
 * Tasks and their layers, some of which may change. A world is a value: every operation gives a new one, so whoever
 * holds a world or a snapshot sees one committed version of every layer, whatever is edited meanwhile.
 *
 * Adding and changing are different calls (`add.ts`, `change.ts`); this file owns the state, inheritance, and deciding.
 */

import { has, type Profile } from '../features/switches.ts';
import type { Result } from '../landlock/result.ts';
import { done, refused } from '../landlock/result.ts';
import { asked, type Content, granted, type LayerRequest } from './content.ts';

export type TaskId = number;
/** The identity of a layer and the handle to it. Never used twice. */
export type LayerKey = number;

/** Whether a layer may change: never, only to give less, or both ways. Declared when it is added. */
export type Mutability = 'immutable' | 'stricter' | 'any';

/** Who may change a layer. Nobody who lives inside it may, whatever this says. */
export type Principal =
  | { readonly kind: 'task'; readonly task: TaskId }
  /** Whoever holds the handle. */
  | { readonly kind: 'holder' }
  /** Tasks whose layers are the ones below this layer, or some of the oldest of them. */
  | { readonly kind: 'ancestor' };

export interface LayerState {
  readonly key: LayerKey;
  /** The layer that this one is a frozen copy of, made when a task forked; else its own key. */
  readonly origin: LayerKey;
  /** The next older layer of the task that added it. */
  readonly below: LayerKey | null;
  readonly mutability: Mutability;
  readonly principal: Principal;
  /** Whether tasks that inherit the layer see later changes. Declared when it is added. */
  readonly propagate: boolean;
  /** What is granted for ever. */
  readonly fixed: Content;
  /** Committed versions that bind: the last one, for `stricter` also all before it. */
  readonly committed: readonly Content[];
  readonly version: number;
  readonly draft: Content;
  /** Tasks that hold the handle. */
  readonly holders: ReadonlySet<TaskId>;
}

export interface TaskState {
  readonly parent: TaskId | null;
  readonly noNewPrivs: boolean;
  /** Oldest first. */
  readonly layers: readonly LayerKey[];
}

export interface World {
  /** The switch of the whole feature: without it every layer is immutable, and nothing else differs. */
  readonly changeable: boolean;
  readonly tasks: ReadonlyMap<TaskId, TaskState>;
  readonly layers: ReadonlyMap<LayerKey, LayerState>;
  readonly nextKey: LayerKey;
}

/** A world with one task and no layers; whether layers may change there is the profile's `layers.change`. */
export function newWorld(task: TaskId, profile: Profile): World {
  const first: TaskState = { parent: null, noNewPrivs: true, layers: [] };
  return {
    changeable: has(profile, 'layers.change'),
    tasks: new Map([[task, first]]),
    layers: new Map(),
    nextKey: 1,
  };
}

/** A world in which one layer is different. */
export function withLayer(world: World, layer: LayerState): World {
  return { ...world, layers: new Map(world.layers).set(layer.key, layer) };
}

/** A world in which one task is different. */
export function withTask(world: World, id: TaskId, task: TaskState): World {
  return { ...world, tasks: new Map(world.tasks).set(id, task) };
}

/** Whether a task lives in a layer, or in a frozen copy of it. */
export function livesInside(world: World, task: TaskId, layer: LayerState): boolean {
  const layers = world.tasks.get(task)?.layers ?? [];
  return layers.some((key) => key === layer.key || world.layers.get(key)?.origin === layer.origin);
}

/**
 * A new child. It shares immutable layers and those that propagate; of other changeable layers it gets a frozen copy
 * as they are now, so that no one can change the child's restrictions behind its back.
 *
 * @returns the world with the child, or ESRCH, EEXIST
 */
export function fork(world: World, parent: TaskId, child: TaskId): Result<World> {
  const task = world.tasks.get(parent);
  if (task === undefined) return refused('ESRCH');
  if (world.tasks.has(child)) return refused('EEXIST');
  let next = world;
  const layers: LayerKey[] = [];
  for (const key of task.layers) {
    const layer = next.layers.get(key)!;
    if (layer.mutability === 'immutable' || layer.propagate) {
      layers.push(key);
      continue;
    }
    const frozen: LayerState = {
      ...layer,
      key: next.nextKey,
      below: layers.at(-1) ?? null,
      mutability: 'immutable',
      holders: new Set(),
    };
    next = { ...withLayer(next, frozen), nextKey: next.nextKey + 1 };
    layers.push(frozen.key);
  }
  for (const layer of next.layers.values()) {
    if (layer.holders.has(parent))
      next = withLayer(next, { ...layer, holders: new Set([...layer.holders, child]) });
  }
  return done(withTask(next, child, { ...task, parent, layers }));
}

/** The program of a task is replaced: its layers stay, its handles are closed. */
export function exec(world: World, task: TaskId): World {
  return [...world.layers.values()].reduce((before, { key }) => dropHandle(before, task, key), world);
}

/** The end of a task. Layers that nobody carries or holds any more are freed, from the youngest down. */
export function exit(world: World, task: TaskId): World {
  const next = exec(world, task);
  const tasks = new Map(next.tasks);
  tasks.delete(task);
  const needed = new Set<LayerKey>();
  for (const { layers } of tasks.values()) for (const key of layers) needed.add(key);
  for (const layer of next.layers.values()) if (layer.holders.size > 0) needed.add(layer.key);
  // A held layer keeps the ones below it: the handle's holder may still look at the whole stack.
  for (const start of [...needed]) {
    for (let key = next.layers.get(start)?.below ?? null; key !== null && !needed.has(key); ) {
      needed.add(key);
      key = next.layers.get(key)?.below ?? null;
    }
  }
  const layers = new Map([...next.layers].filter(([key]) => needed.has(key)));
  return { ...next, tasks, layers };
}

/** Gives a copy of a handle to another task. EBADF where there is none to give. */
export function passHandle(world: World, from: TaskId, to: TaskId, key: LayerKey): Result<World> {
  const layer = world.layers.get(key);
  if (layer === undefined || !layer.holders.has(from) || !world.tasks.has(to)) return refused('EBADF');
  return done(withLayer(world, { ...layer, holders: new Set([...layer.holders, to]) }));
}

/** Closes a handle. A layer whose last handle is closed can never change again. */
export function dropHandle(world: World, task: TaskId, key: LayerKey): World {
  const layer = world.layers.get(key);
  if (layer === undefined || !layer.holders.has(task)) return world;
  const holders = new Set(layer.holders);
  holders.delete(task);
  const sealed = holders.size === 0 && layer.principal.kind !== 'ancestor';
  return withLayer(world, { ...layer, holders, ...(sealed ? { mutability: 'immutable' as const } : {}) });
}

/** What one decision sees: one version of every layer of a task, oldest first. */
export type Snapshot = readonly Pick<LayerState, 'key' | 'fixed' | 'committed' | 'version'>[];

/** Pins the committed version of every layer of a task. */
export function snapshot(world: World, task: TaskId): Snapshot {
  return (world.tasks.get(task)?.layers ?? []).map((key) => world.layers.get(key)!);
}

/** The answer: what the youngest denying layer lacks, and all layers that lack something. */
export interface LayersDecision {
  readonly allowed: boolean;
  readonly complete: readonly { readonly layer: LayerKey; readonly missing: number }[];
}

/** What one layer lacks: every binding version must grant it, or the fixed part does. */
export function lacking(layer: Snapshot[number], request: LayerRequest): number {
  const given = granted(layer.fixed, request);
  const always = asked(layer.fixed, request) & ~given;
  if (layer.committed.length === 0) return always;
  let missing = 0;
  for (const content of layer.committed) {
    const handled = asked(content, request) | asked(layer.fixed, request);
    missing |= handled & ~granted(content, request) & ~given;
  }
  return missing;
}

/** Decides a request on a snapshot: every layer must allow it. */
export function decideLayers(layers: Snapshot, request: LayerRequest): LayersDecision {
  const complete = layers.flatMap((layer) => {
    const missing = lacking(layer, request);
    return missing === 0 ? [] : [{ layer: layer.key, missing }];
  });
  return { allowed: complete.length === 0, complete };
}

/** The layers of a task that may still change under it; empty means that nothing can. A task may always ask this of itself. */
export function changeableLayers(world: World, task: TaskId): LayerKey[] {
  return (world.tasks.get(task)?.layers ?? []).filter(
    (key) => world.layers.get(key)!.mutability !== 'immutable',
  );
}

/** Optional rights of an open file, such as truncation: kept from the opening where no layer could change since. */
export interface OpenedFile {
  readonly layers: Snapshot;
  readonly request: Extract<LayerRequest, { kind: 'path' }>;
  readonly allowed: number;
}

/** Opens: what of `access` the task has now is kept in the file. */
export function openFile(world: World, task: TaskId, request: OpenedFile['request']): OpenedFile {
  const layers = snapshot(world, task);
  const missing = layers.reduce((mask, layer) => mask | lacking(layer, request), 0);
  return { layers, request, allowed: request.access & ~missing };
}

/** Whether an optional right may be used on an open file now: asked again of every layer that could have changed. */
export function mayUse(world: World, file: OpenedFile, access: number): boolean {
  if (
    (access & ~file.allowed) === 0 &&
    file.layers.every(({ key, version }) => world.layers.get(key)?.version === version)
  )
    return true;
  const now = file.layers.map((layer) => world.layers.get(layer.key) ?? layer);
  return decideLayers(now, { ...file.request, access }).allowed;
}
