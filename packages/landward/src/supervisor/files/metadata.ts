/**
 * Changing what is known about an object: how a change is decided and performed, by path and by descriptor, and the calls
 * for modes and owners.
 *
 * The object is pinned, `meta.write` is asked on its path, and the kernel changes it through the pin with the target's
 * identity. Times are `metadata-times.ts`, attributes `metadata-attributes.ts`.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD, F, O } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, outcome, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { idInside } from './ids.ts';
import { descriptorPath } from './look.ts';
import { mustBeWritable } from './names.ts';
import { placeOf } from './place-of.ts';
import { resolve } from './resolve.ts';

/** Changes an object through the path of its descriptor, which is terminated. */
export type Change = (path: Uint8Array) => number;

/** The flags of `*at` calls that change an object. */
const FLAGS = AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH;

/** Asks and changes. */
export function change(call: Call, at: Place, act: Change): Answer {
  mustBeWritable(at.fd);
  const { errno } = call.run.authority.ask(call, { kind: 'access', at, rights: ['meta.write'] });
  if (errno !== 0) return refuse(errno);
  return outcome(call.target.as(() => act(descriptorPath(at.fd))));
}

/** Changes what a path means. `flags` are those of `*at` calls. */
export function changePath(call: Call, dirfd: number, address: number, flags: number, act: Change): Answer {
  mustBeAtFlags(flags);
  const path = call.target.readPath(address);
  return change(call, resolve(call, dirfd, path, lookOf(flags)), act);
}

/** @throws {Refused} EINVAL */
export function mustBeAtFlags(flags: number): void {
  if ((flags & ~FLAGS) !== 0) refuse(ERRNO.EINVAL);
}

/** How `*at` flags look up a path. */
export function lookOf(flags: number): { readonly follow: boolean; readonly emptyPath: boolean } {
  return { follow: (flags & AT.SYMLINK_NOFOLLOW) === 0, emptyPath: (flags & AT.EMPTY_PATH) !== 0 };
}

/** Changes what an open descriptor means; one that is open as a place only gives EBADF, as the kernel has it. */
export function changeOpen(call: Call, number: number, act: Change): Answer {
  return changeFile(call, call.target.fd(number), act);
}

/** As `changeOpen`, for the duplicate of a descriptor. */
export function changeFile(call: Call, fd: number, act: Change): Answer {
  const flags = attempt('fcntl', fd, F.GETFL);
  if (flags < 0 || (flags & O.x86_64.PATH) !== 0) return refuse(ERRNO.EBADF);
  return change(call, placeOf(call, fd), act);
}

function modeOf(call: Call, index: number): Change {
  const mode = call.uint(index) & 0xffff;
  return (path) => attempt('fchmodat', AT_FDCWD, path, mode);
}

function ownersOf(call: Call, index: number): Change {
  const uid = idInside(call, 'uid', call.uint(index));
  const gid = idInside(call, 'gid', call.uint(index + 1));
  // The path is that of a pinned object: following it ends there, also at a symbolic link.
  return (path) => attempt('fchownat', AT_FDCWD, path, uid, gid, 0);
}

/** A row of an emulated change. */
export const emulated = (handle: CallRow['handle'], residual = ''): CallRow => ({
  handle,
  held: 'emulated',
  residual,
});

const NAMESPACE = 'In a user namespace of its own the program can give files only to itself.';

/** Handlers for modes and owners, a part of the group `metadata`. */
export const OWNER_CALLS = {
  chmod: emulated((call) => changePath(call, AT_FDCWD, call.arg(0), 0, modeOf(call, 1))),
  fchmod: emulated((call) => changeOpen(call, call.int(0), modeOf(call, 1))),
  fchmodat: emulated((call) => changePath(call, call.int(0), call.arg(1), 0, modeOf(call, 2))),
  fchmodat2: emulated((call) => changePath(call, call.int(0), call.arg(1), call.uint(3), modeOf(call, 2))),
  chown: emulated((call) => changePath(call, AT_FDCWD, call.arg(0), 0, ownersOf(call, 1)), NAMESPACE),
  lchown: emulated(
    (call) => changePath(call, AT_FDCWD, call.arg(0), AT.SYMLINK_NOFOLLOW, ownersOf(call, 1)),
    NAMESPACE,
  ),
  fchown: emulated((call) => changeOpen(call, call.int(0), ownersOf(call, 1)), NAMESPACE),
  fchownat: emulated(
    (call) => changePath(call, call.int(0), call.arg(1), call.uint(4), ownersOf(call, 2)),
    NAMESPACE,
  ),
} as const satisfies CallTable;
