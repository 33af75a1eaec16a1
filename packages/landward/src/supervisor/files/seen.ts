/**
 * Finding an object for a call that tells something about it: hidden is absent, and `meta.stat` may be denied.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import { type Call, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { type Look, resolve } from './resolve.ts';

/** What an `*at` call says about its path by flags: following is the rule. */
export function lookOf(flags: number): Look {
  return {
    follow: (flags & AT.SYMLINK_NOFOLLOW) === 0,
    emptyPath: (flags & AT.EMPTY_PATH) !== 0,
  };
}

/**
 * A descriptor of the object that a call wants to know something of.
 *
 * @param at the index of the argument with the path
 * @throws {Refused} the kernel's errno; ENOENT for what is hidden, EACCES where it may not be looked at
 */
export function seen(call: Call, dirfd: number, at: number, look: Look = {}): number {
  const path = pathOf(call, at, look);
  // A descriptor is looked at as fstat does, which nobody is asked about.
  if (path.length === 0 && look.emptyPath && dirfd !== AT_FDCWD) return call.target.fd(dirfd);
  const place = resolve(call, dirfd, path, look);
  mayBeSeen(call, place);
  return place.fd;
}

function pathOf(call: Call, at: number, look: Look): Uint8Array {
  const address = call.arg(at);
  // With AT_EMPTY_PATH newer kernels take no path at all for an empty one.
  return address === 0 && look.emptyPath ? new Uint8Array() : call.target.readPath(address);
}

/** @throws {Refused} EACCES or ENOENT */
export function mayBeSeen(call: Call, place: Place): void {
  if (place.exempt) return;
  const { errno } = call.run.authority.ask(call, { kind: 'find', path: place.path, at: place });
  if (errno !== 0) refuse(errno === ERRNO.ENOENT ? ERRNO.ENOENT : ERRNO.EACCES);
}
