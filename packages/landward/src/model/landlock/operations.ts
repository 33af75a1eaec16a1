/**
 * Which rights an operation asks for, and of which object: one literal table. Operations with two ends (rename, link,
 * exchange) build their requests from the types of the objects with the same table and are decided in `refer.ts`.
 */

import type { FsRight } from '../../uapi/landlock.ts';
import { fsMask } from '../../uapi/masks.ts';
import { type Behaviour, fixed } from './behaviour.ts';
import type { InodeType } from './world.ts';

/** An operation row: the rights asked, and whether on the object itself or on the directory that holds its name. */
interface OperationRow {
  readonly rights: readonly FsRight[];
  readonly on: 'object' | 'directory';
}

/** Operations on one object, with what they ask. */
export const OPERATIONS = {
  'open read': { rights: ['fs.read_file'], on: 'object' },
  'open write': { rights: ['fs.write_file'], on: 'object' },
  'open directory': { rights: ['fs.read_dir'], on: 'object' },
  execute: { rights: ['fs.execute', 'fs.read_file'], on: 'object' },
  truncate: { rights: ['fs.truncate'], on: 'object' },
  'resolve unix': { rights: ['fs.resolve_unix'], on: 'object' },
  'make reg': { rights: ['fs.make_reg'], on: 'directory' },
  'make dir': { rights: ['fs.make_dir'], on: 'directory' },
  'make lnk': { rights: ['fs.make_sym'], on: 'directory' },
  'make char': { rights: ['fs.make_char'], on: 'directory' },
  'make block': { rights: ['fs.make_block'], on: 'directory' },
  'make fifo': { rights: ['fs.make_fifo'], on: 'directory' },
  'make sock': { rights: ['fs.make_sock'], on: 'directory' },
  'remove dir': { rights: ['fs.remove_dir'], on: 'directory' },
  'remove file': { rights: ['fs.remove_file'], on: 'directory' },
} as const satisfies Record<string, OperationRow>;

export type Operation = keyof typeof OPERATIONS;

/** Erratum 4: whiteouts are guarded like regular files. */
const WHITEOUT = 4;

/** The mask of rights that an operation asks for. */
export function request(operation: Operation): number {
  return fsMask(...OPERATIONS[operation].rights);
}

/** The mask for creating an object of a type in a directory. */
export function makeRequest(type: InodeType): number {
  return request(`make ${type}`);
}

/** The mask for removing an object of a type from a directory. */
export function removeRequest(type: InodeType): number {
  return request(type === 'dir' ? 'remove dir' : 'remove file');
}

/** The mask for `mknod`. A character device 0:0 is a whiteout. */
export function mknodRequest(behaviour: Behaviour, type: InodeType, rdev: number): number {
  return makeRequest(type === 'char' && rdev === 0 && fixed(behaviour, WHITEOUT) ? 'reg' : type);
}

/** What RENAME_WHITEOUT asks at the source besides the rename. */
export function whiteoutRequest(behaviour: Behaviour): number {
  return fixed(behaviour, WHITEOUT) ? makeRequest('reg') : 0;
}

/** How a file is opened: the modes that the open file gets, not the flags of the call. */
export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  /** Opened by `execve` (the program, a script, its interpreter, the loader). */
  readonly execute?: boolean;
}

/** The mask of rights without which an open fails. `O_PATH` opens ask nothing and never get here. */
export function openRequest(type: InodeType, mode: OpenMode): number {
  if (mode.read && type === 'dir') return request('open directory');
  let mask = 0;
  if (mode.read) mask |= request('open read');
  if (mode.write) mask |= request('open write');
  if (mode.execute) mask |= request('execute');
  return mask;
}
