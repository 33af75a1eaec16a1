/** Sets of rights as masks: names to bits and back, and the fixed sets that Landlock's rules speak of. */

import { FS_RIGHTS, type FsRight, NET_RIGHTS, type NetRight, SCOPES, type Scope } from './landlock.ts';

const fsNames = Object.keys(FS_RIGHTS) as readonly FsRight[];
const netNames = Object.keys(NET_RIGHTS) as readonly NetRight[];
const scopeNames = Object.keys(SCOPES) as readonly Scope[];

/** The mask of filesystem rights. */
export function fsMask(...rights: readonly FsRight[]): number {
  return rights.reduce((mask, right) => mask | (1 << FS_RIGHTS[right].bit), 0);
}

/** The mask of network rights. */
export function netMask(...rights: readonly NetRight[]): number {
  return rights.reduce((mask, right) => mask | (1 << NET_RIGHTS[right].bit), 0);
}

/** The mask of scopes. */
export function scopeMask(...scopes: readonly Scope[]): number {
  return scopes.reduce((mask, scope) => mask | (1 << SCOPES[scope].bit), 0);
}

/** The filesystem rights of a mask, in bit order. */
export function fsRights(mask: number): FsRight[] {
  return fsNames.filter((name) => mask & (1 << FS_RIGHTS[name].bit));
}

/** The network rights of a mask, in bit order. */
export function netRights(mask: number): NetRight[] {
  return netNames.filter((name) => mask & (1 << NET_RIGHTS[name].bit));
}

/** The scopes of a mask, in bit order. */
export function scopes(mask: number): Scope[] {
  return scopeNames.filter((name) => mask & (1 << SCOPES[name].bit));
}

/** Rights that a rule may carry on an inode that is not a directory. */
export const ACCESS_FILE = fsNames.reduce(
  (mask, name) => (FS_RIGHTS[name].file ? mask | (1 << FS_RIGHTS[name].bit) : mask),
  0,
);

/** Rights denied by every layer of a domain, handled or not. */
export const ACCESS_INITIALLY_DENIED = fsMask('fs.refer');

/** Rights computed at open and kept in the open file. */
export const ACCESS_OPTIONAL = fsMask('fs.truncate', 'fs.ioctl_dev');
