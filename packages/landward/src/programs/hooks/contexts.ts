/**
 * The hooks that a program may be written for: the layout of what each shows, and which helpers it may call there.
 *
 * Owns the layouts. Which hooks there are, and when each runs, is `model/programs`.
 */

import type { Hook } from '../../model/programs/index.ts';
import type { HelperName } from './helper-table.ts';

/** Objects of which a program only sees that they are one, or the same: never an address, a number or a name. */
export const OPAQUE_KINDS = ['task', 'inode'] as const;
export type OpaqueKind = (typeof OPAQUE_KINDS)[number];

/** A field of a context. */
export interface ContextField {
  readonly name: string;
  readonly offset: number;
  /** `number` may be read in narrower pieces; an object only whole, at its exact offset. */
  readonly type: 'number' | OpaqueKind;
  /** Whether programs may write it (numbers only). */
  readonly writable: boolean;
}

/** A hook: a set of checks on one kind of object. */
export interface ContextLayout {
  readonly bytes: number;
  readonly fields: readonly ContextField[];
  readonly helpers: readonly HelperName[];
}

const field = (name: string, offset: number, type: ContextField['type'], writable = false): ContextField => ({
  name,
  offset,
  type,
  writable,
});

const MAPS = ['map_lookup', 'map_update', 'map_delete'] as const;

/** What each hook shows. Every field is eight bytes. */
export const CONTEXTS = {
  ptrace: {
    bytes: 16,
    fields: [field('tracer', 0, 'task'), field('tracee', 8, 'task')],
    helpers: [...MAPS, 'ptrace_ancestor'],
  },
  fs_walk: {
    bytes: 24,
    fields: [field('cookie', 0, 'number', true), field('inode', 8, 'inode'), field('lookup', 16, 'number')],
    helpers: [...MAPS, 'inode_lookup'],
  },
  fs_pick: {
    bytes: 24,
    fields: [field('cookie', 0, 'number', true), field('inode', 8, 'inode'), field('triggers', 16, 'number')],
    helpers: [...MAPS, 'inode_lookup'],
  },
  fs_get: {
    bytes: 24,
    fields: [field('cookie', 0, 'number'), field('inode', 8, 'inode'), field('tag', 16, 'number', true)],
    helpers: [...MAPS, 'inode_lookup'],
  },
  net: {
    bytes: 48,
    fields: [
      field('operation', 0, 'number'),
      field('family', 8, 'number'),
      field('protocol', 16, 'number'),
      field('port', 24, 'number'),
      field('high', 32, 'number'),
      field('low', 40, 'number'),
    ],
    helpers: MAPS,
  },
  signal: {
    bytes: 24,
    fields: [field('signal', 0, 'number'), field('sender', 8, 'task'), field('receiver', 16, 'task')],
    helpers: [...MAPS, 'signal_ancestor'],
  },
} as const satisfies Record<Hook, ContextLayout>;

/** A hook that a program may be loaded for. */
export type ProgramHook = Hook;
