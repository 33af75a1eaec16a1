/**
 * Links that are more than text: the magic ones of procfs, and those in shared directories that only their owner may
 * have followed.
 *
 * Owns the check of the process that a magic link belongs to. Following ordinary links is `walk.ts`.
 */

import { readFileSync } from 'node:fs';
import { ERRNO } from '../../uapi/errno.ts';
import { RESOLVE } from '../../uapi/open.ts';
import { type Call, must, refuse } from '../call.ts';
import { drop, type Fact, openPlace, whereIs } from './look.ts';
import { type ProcOwner, procOwner } from './procfs.ts';

/** `S_ISVTX` with write for others: a directory such as /tmp. */
const SHARED = 0o1002;

/**
 * Opens what a magic link in a directory of procfs means.
 *
 * @param resolve `RESOLVE_*` that the target asked for
 * @returns the place, the caller's to close; `null` where the link is an ordinary one
 * @throws {Refused} EACCES where the target may not look into the process; ELOOP, EXDEV by `resolve`
 */
export function readMagic(
  call: Call,
  dirfd: number,
  directory: Fact,
  name: Uint8Array,
  resolve: number,
): number | null {
  // The kernel lets every process look into its own directory, whatever rights it has given up.
  const look = () => openPlace(dirfd, name, 0, RESOLVE.NO_MAGICLINKS);
  const ordinary = call.target.asSupervisor(look);
  if (ordinary >= 0) drop(ordinary);
  if (ordinary !== -ERRNO.ELOOP) return null;
  if (resolve & RESOLVE.NO_MAGICLINKS) refuse(ERRNO.ELOOP);
  if (resolve & (RESOLVE.IN_ROOT | RESOLVE.BENEATH)) refuse(ERRNO.EXDEV);
  const where = whereIs(dirfd);
  if (typeof where === 'number') return refuse(-where);
  const owner = procOwner(call, where, directory);
  if (owner !== null && !mayLookInto(call, owner)) refuse(ERRNO.EACCES);
  const open = () => must(openPlace(dirfd, name, 0, 0));
  return owner?.own === true ? call.target.asSupervisor(open) : open();
}

/** Whether the target may look into a process as a debugger may: always into its own, never into the supervisor. */
export function mayLookInto(call: Call, owner: ProcOwner): boolean {
  if (owner.supervisor) return false;
  if (owner.own) return true;
  if (owner.pid === null) return false;
  return call.run.authority.ask(call, { kind: 'ptrace', tid: owner.tid ?? owner.pid }).errno === 0;
}

let guarded: boolean | undefined;

/** `fs.protected_symlinks`, read once. */
function isGuarded(): boolean {
  try {
    guarded ??= readFileSync('/proc/sys/fs/protected_symlinks', 'latin1').trim() !== '0';
  } catch {
    guarded = true;
  }
  return guarded;
}

/**
 * Whether the last component of a path may be followed where others can plant links: the kernel's rule for sticky
 * shared directories.
 */
export function mayFollowIn(call: Call, directory: Fact, link: Fact): boolean {
  if ((directory.mode & SHARED) !== SHARED || !isGuarded()) return true;
  return link.uid === directory.uid || link.uid === call.target.status().fsuid;
}
