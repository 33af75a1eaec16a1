/**
 * The hooks that a program may be written for: the layout of what each shows, and which helpers it may call there.
 *
 * Owns the table. When a hook runs is decided in `model/programs`; of the hooks here it has `ptrace`. The two file hooks
 * can be loaded and run by a caller that brings the objects itself.
 */

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

/** What each hook shows. Every field is eight bytes. */
export const CONTEXTS = {
  ptrace: {
    bytes: 16,
    fields: [field('tracer', 0, 'task'), field('tracee', 8, 'task')],
    helpers: ['map_lookup', 'map_update', 'map_delete', 'ptrace_ancestor'],
  },
  fs_walk: {
    bytes: 24,
    fields: [field('cookie', 0, 'number', true), field('inode', 8, 'inode'), field('lookup', 16, 'number')],
    helpers: ['map_lookup', 'map_update', 'map_delete', 'inode_lookup'],
  },
  fs_pick: {
    bytes: 24,
    fields: [field('cookie', 0, 'number', true), field('inode', 8, 'inode'), field('triggers', 16, 'number')],
    helpers: ['map_lookup', 'map_update', 'map_delete', 'inode_lookup'],
  },
} as const satisfies Record<string, ContextLayout>;

/** A hook that a program may be loaded for. */
export type ProgramHook = keyof typeof CONTEXTS;

/** What `fs_walk` says in `lookup`: a name, `.` or `..`. */
export const FS_LOOKUP = { NAME: 0, DOT: 1, DOTDOT: 2 } as const;

/** What `fs_pick` says in `triggers`: what is being done to the object. */
export const FS_TRIGGERS = [
  'append',
  'chdir',
  'chroot',
  'create',
  'execute',
  'fcntl',
  'getattr',
  'ioctl',
  'link',
  'linkto',
  'lock',
  'map',
  'mounton',
  'open',
  'read',
  'readdir',
  'receive',
  'rename',
  'renameto',
  'rmdir',
  'setattr',
  'transfer',
  'unlink',
  'write',
] as const;

/** The bits of some triggers. */
export function triggerBits(...names: readonly (typeof FS_TRIGGERS)[number][]): bigint {
  return names.reduce((bits, name) => bits | (1n << BigInt(FS_TRIGGERS.indexOf(name))), 0n);
}
