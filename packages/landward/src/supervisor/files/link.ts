/**
 * Hard links: `link` and `linkat`.
 *
 * The object is pinned and linked through its descriptor, so the new name is one of what was decided about.
 */

import { readFileSync } from 'node:fs';
import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, must, outcome, refuse } from '../call.ts';
import type { Entry, Place } from '../place.ts';
import { descriptorPath, encodePath, lookAtFd, openPlace } from './look.ts';
import { mustBeNew, nameAt, terminatedCopy } from './names.ts';
import { placeOf } from './place-of.ts';
import { resolve } from './resolve.ts';

const FLAGS = AT.SYMLINK_FOLLOW | AT.EMPTY_PATH;

function link(
  call: Call,
  olddir: number,
  oldAt: number,
  newdir: number,
  newAt: number,
  flags: number,
): Answer {
  if ((flags & ~FLAGS) !== 0) return refuse(ERRNO.EINVAL);
  const object = resolve(call, olddir, call.target.readPath(call.arg(oldAt)), {
    follow: (flags & AT.SYMLINK_FOLLOW) !== 0,
    emptyPath: (flags & AT.EMPTY_PATH) !== 0,
  });
  const to = nameAt(call, newdir, call.target.readPath(call.arg(newAt)));
  mustBeNew(to, false);
  const [source, target] = [lookAtFd(object.fd), lookAtFd(to.parent.fd)];
  if (typeof source === 'number' || typeof target === 'number') return refuse(ERRNO.ENOENT);
  if (source.mount !== target.mount) return refuse(ERRNO.EXDEV);
  if (call.target.as(() => isProtected(object, source))) return refuse(ERRNO.EPERM);
  const from = entryOf(call, object);
  const { errno } = call.run.authority.ask(call, { kind: 'refer', from, to, operation: 'link' });
  if (errno !== 0) return refuse(errno);
  const name = terminatedCopy(to.name);
  return outcome(
    call.target.as(() =>
      attempt('linkat', AT_FDCWD, descriptorPath(object.fd), to.parent.fd, name, AT.SYMLINK_FOLLOW),
    ),
  );
}

/** An object as a name in its directory: the one it was found in, or the one it lies in now. */
function entryOf(call: Call, object: Place): Entry {
  const slash = object.path.lastIndexOf('/');
  const name = encodePath(object.path.slice(slash + 1));
  const directory = object.path.slice(0, slash) || '/';
  const fd = object.parent ?? call.own(must(above(object, directory)));
  return { parent: placeOf(call, fd), name, object, path: object.path };
}

/** A directory knows what is above it, also where no path leads to it, unless it may not be searched. */
function above({ fd, type }: Place, directory: string): number {
  const found = type === 'dir' ? openPlace(fd, encodePath('..'), 0, 0) : -1;
  return found >= 0 ? found : openPlace(AT_FDCWD, encodePath(directory), 0, 0);
}

const S_ISUID = 0o4000;
const S_ISGID_EXEC = 0o2010;
const CAN_READ_AND_WRITE = 6;

/**
 * Whether the system keeps this thread from linking what it does not own and could not write (`protected_hardlinks`):
 * that is checked before anybody is asked. Here it only orders errors; the kernel checks again when the link is made.
 */
function isProtected(object: Place, fact: { readonly mode: number; readonly uid: number }): boolean {
  if (!hardlinksAreProtected()) return false;
  const safe =
    object.type === 'reg' &&
    (fact.mode & S_ISUID) === 0 &&
    (fact.mode & S_ISGID_EXEC) !== S_ISGID_EXEC &&
    attempt('faccessat2', AT_FDCWD, descriptorPath(object.fd), CAN_READ_AND_WRITE, AT.EACCESS) === 0;
  return !safe && attempt('setfsuid', -1) !== fact.uid && !mayActAsOwner();
}

const CAP_FOWNER = 3;
const CAPABILITY_VERSION_3 = 0x2008_0522;

function mayActAsOwner(): boolean {
  const data = new Uint32Array(6);
  const result = attempt('capget', Uint32Array.of(CAPABILITY_VERSION_3, 0), data);
  return result === 0 && (data[0]! & (1 << CAP_FOWNER)) !== 0;
}

function hardlinksAreProtected(): boolean {
  try {
    return readFileSync('/proc/sys/fs/protected_hardlinks', 'latin1').trim() !== '0';
  } catch {
    return true;
  }
}

const emulated = (handle: CallRow['handle'], residual = ''): CallRow => ({
  handle,
  held: 'emulated',
  residual,
});

/** Handlers of links, a part of the group `refer`. */
export const LINK_CALLS = {
  link: emulated((call) => link(call, AT_FDCWD, 0, AT_FDCWD, 1, 0)),
  linkat: emulated(
    (call) => link(call, call.int(0), 1, call.int(2), 3, call.uint(4)),
    'With AT_EMPTY_PATH, who opened the descriptor is not compared with who links it.',
  ),
} as const satisfies CallTable;
