/**
 * The file event of 2016 and 2017: one hook for everything that is done to an object, with the object as an opaque handle
 * and what is done as a mask of actions; what a program may do besides deciding is declared when it is loaded.
 *
 * Owns that older shape for comparison. The hooks that are live are `domain.ts`.
 */

import { done, type Result, refused } from '../landlock/result.ts';

/** What is done to an object. The last three came with events of their own. */
export const FS_ACTIONS = {
  exec: 1 << 0,
  write: 1 << 1,
  read: 1 << 2,
  /** A name is made in a directory. */
  new: 1 << 3,
  /** An object is taken to be named elsewhere. */
  get: 1 << 4,
  remove: 1 << 5,
  ioctl: 1 << 6,
  lock: 1 << 7,
  fcntl: 1 << 8,
} as const;

export type FsAction = keyof typeof FS_ACTIONS;

/** The actions that each event can carry. */
export const FS_EVENTS = {
  fs: ['exec', 'write', 'read', 'new', 'get', 'remove'],
  fs_ioctl: ['ioctl'],
  fs_lock: ['lock'],
  fs_fcntl: ['fcntl'],
} as const satisfies Record<string, readonly FsAction[]>;

export type FsEvent = keyof typeof FS_EVENTS;

/** What a program asks for beyond deciding: to change maps, or to learn who the subject is. */
export const ABILITIES = { write: 1 << 0, debug: 1 << 1 } as const;

/** What is declared with a program. */
export interface Subtype {
  readonly version: number;
  readonly event: string;
  /** No option was ever defined. */
  readonly options: number;
  readonly abilities: number;
}

const VERSION = 1;
const ALL_ABILITIES = ABILITIES.write | ABILITIES.debug;

/**
 * Checks a declaration.
 *
 * @returns the event, or EINVAL for a version, event, option or ability that does not exist, EPERM for an ability without
 *   CAP_SYS_ADMIN
 */
export function checkSubtype(subtype: Subtype, sysAdmin: boolean): Result<FsEvent> {
  const { version, event, options, abilities } = subtype;
  if (version !== VERSION || !Object.hasOwn(FS_EVENTS, event)) return refused('EINVAL');
  if (options !== 0 || (abilities & ~ALL_ABILITIES) !== 0) return refused('EINVAL');
  if (abilities !== 0 && !sysAdmin) return refused('EPERM');
  return done(event as FsEvent);
}

/** The functions that a program with these abilities may call. Without any it can compare and look up, and tell nobody. */
export function helpersOf({ abilities }: Pick<Subtype, 'abilities'>): readonly string[] {
  return [
    'map_lookup',
    'handle_fs_get_mode',
    ...(abilities & ABILITIES.write ? ['map_update', 'map_delete'] : []),
    ...(abilities & ABILITIES.debug ? ['get_pid', 'get_uid', 'get_comm', 'trace_printk'] : []),
  ];
}

/** What was done, as the events that a program would have seen: which event, on which object, with which actions. */
export interface SeenEvent {
  readonly event: FsEvent;
  readonly on: 'object' | 'directory' | 'other directory';
  readonly actions: number;
}

const seen = (event: FsEvent, on: SeenEvent['on'], ...actions: readonly FsAction[]): SeenEvent => ({
  event,
  on,
  actions: actions.reduce((mask, action) => mask | FS_ACTIONS[action], 0),
});

/** The events of what can be done to files. */
export const FS_OPERATIONS = {
  execute: [seen('fs', 'object', 'exec')],
  read: [seen('fs', 'object', 'read')],
  write: [seen('fs', 'object', 'write')],
  create: [seen('fs', 'directory', 'new')],
  remove: [seen('fs', 'directory', 'remove')],
  link: [seen('fs', 'object', 'get'), seen('fs', 'directory', 'new')],
  rename: [
    seen('fs', 'directory', 'remove'),
    seen('fs', 'object', 'get'),
    seen('fs', 'other directory', 'new'),
  ],
  ioctl: [seen('fs_ioctl', 'object', 'ioctl')],
  lock: [seen('fs_lock', 'object', 'lock')],
  fcntl: [seen('fs_fcntl', 'object', 'fcntl')],
} as const satisfies Record<string, readonly SeenEvent[]>;
