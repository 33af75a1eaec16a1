/**
 * Names in pinned directories: what the kernel checks about a name before anybody is asked whether the change is allowed.
 *
 * Owns the order of those errors. Nothing is decided here.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type Call, refuse } from '../call.ts';
import { type Named, resolveEntry } from './resolve.ts';

const STATFS = { bytes: 120, flagsAt: 80, readOnly: 1 } as const;
const statfs = new DataView(new ArrayBuffer(STATFS.bytes));

/** Whether nothing can be changed where an object is: a read-only mount or file system. */
export function isReadOnly(fd: number): boolean {
  const result = attempt('fstatfs', fd, statfs);
  return result >= 0 && (statfs.getUint32(STATFS.flagsAt, true) & STATFS.readOnly) !== 0;
}

/** @throws {Refused} EROFS */
export function mustBeWritable(fd: number): void {
  if (isReadOnly(fd)) refuse(ERRNO.EROFS);
}

/**
 * Finds a name that is to be changed, and its directory.
 *
 * @throws {Refused} as `resolveEntry`, and EACCES where the directory cannot be searched: the kernel finds that on the way
 */
export function nameAt(call: Call, dirfd: number, path: Uint8Array): Named {
  const entry = resolveEntry(call, dirfd, path);
  return entry.error === ERRNO.EACCES ? refuse(ERRNO.EACCES) : entry;
}

/**
 * Checks a name that is to be made, in the kernel's order.
 *
 * @param directory whether a directory is made, whose name may end with a slash
 * @throws {Refused} EEXIST, ENOENT or EROFS
 */
export function mustBeNew(entry: Named, directory: boolean): void {
  if (entry.last !== 'name' || entry.object !== null) refuse(ERRNO.EEXIST);
  if (entry.error !== undefined) refuse(entry.error);
  if (entry.slash && !directory) refuse(ERRNO.ENOENT);
  mustBeWritable(entry.parent.fd);
}

/** A copy of a name or path as the kernel takes it. */
export function terminatedCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length + 1);
  copy.set(bytes);
  return copy;
}
