/**
 * Adding a layer. Never edits an existing one. Whether the layer may ever change, by whom, and whether those who
 * inherit it see that, is said here and never later.
 */

import { done, type Result, refused } from '../landlock/result.ts';
import { type Content, EMPTY } from './content.ts';
import {
  type LayerKey,
  type LayerState,
  type Mutability,
  type Principal,
  type TaskId,
  type World,
  withLayer,
  withTask,
} from './world.ts';

const MAX_LAYERS = 16;

export interface NewLayer {
  /** For an immutable layer what it is; for others version 0. */
  readonly content: Content;
  readonly mutability?: Mutability;
  /** Needed exactly where the layer may change. */
  readonly principal?: Principal;
  readonly propagate?: boolean;
  /** Grants that no edit takes away; they handle what `content` handles. */
  readonly fixed?: Pick<Content, 'paths' | 'ports' | 'calls'>;
}

/**
 * Adds a layer to the calling task.
 *
 * @returns the world and the layer's key, or ESRCH, EPERM without no_new_privs, E2BIG for more than 16 layers, EINVAL for a
 *   principal that is missing, superfluous or would live inside the layer, EOPNOTSUPP where layers can't change
 */
export function addLayer(
  world: World,
  caller: TaskId,
  layer: NewLayer,
): Result<{ readonly world: World; readonly key: LayerKey }> {
  const task = world.tasks.get(caller);
  if (task === undefined) return refused('ESRCH');
  const { mutability = 'immutable', principal, propagate = false } = layer;
  const changes = mutability !== 'immutable';
  if (changes && !world.changeable) return refused('EOPNOTSUPP');
  if (!task.noNewPrivs) return refused('EPERM');
  if (changes !== (principal !== undefined) || (propagate && !changes)) return refused('EINVAL');
  if (!changes && layer.fixed !== undefined) return refused('EINVAL');
  if (principal?.kind === 'task') {
    if (principal.task === caller || !world.tasks.has(principal.task)) return refused('EINVAL');
  }
  if (task.layers.length >= MAX_LAYERS) return refused('E2BIG');

  const { handledFs, handledNet, handledCalls } = layer.content;
  const handled = { handledFs, handledNet, handledCalls };
  const key = world.nextKey;
  const holder = principal?.kind === 'task' ? principal.task : caller;
  const added: LayerState = {
    key,
    origin: key,
    below: task.layers.at(-1) ?? null,
    mutability,
    principal: principal ?? { kind: 'holder' },
    propagate,
    fixed: changes ? { ...EMPTY, ...layer.fixed, ...handled } : layer.content,
    committed: changes ? [layer.content] : [],
    version: 0,
    draft: layer.content,
    holders: new Set(changes && principal!.kind !== 'ancestor' ? [holder] : []),
  };
  const next = withTask(withLayer(world, added), caller, { ...task, layers: [...task.layers, key] });
  return done({ world: { ...next, nextKey: key + 1 }, key });
}
