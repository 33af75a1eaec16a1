/**
 * Reading symbolic links: `readlink` and `readlinkat`. The links of procfs are read as the target would read them.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, refuse } from '../call.ts';
import { mayLookInto } from './links.ts';
import { decodePath, encodePath, readLink } from './look.ts';
import { factOf } from './place-of.ts';
import { isProcfs, procOwner, selfLink } from './procfs.ts';
import { type Named, resolve, resolveEntry } from './resolve.ts';
import { mayBeSeen } from './seen.ts';

function readlink(call: Call, dirfd: number, at: number): Answer {
  const size = call.int(at + 2);
  if (size <= 0) refuse(ERRNO.EINVAL);
  const text = textOf(call, dirfd, call.target.readPath(call.arg(at)));
  const length = Math.min(size, text.length);
  call.target.write(call.arg(at + 1), text.subarray(0, length));
  return { kind: 'value', value: length };
}

function textOf(call: Call, dirfd: number, path: Uint8Array): Uint8Array {
  if (path.length === 0) {
    const place = resolve(call, dirfd, path, { emptyPath: true });
    return place.type === 'lnk' ? text(readLink(place.fd)) : refuse(ERRNO.ENOENT);
  }
  const entry = resolveEntry(call, dirfd, path);
  const { object, error, slash } = entry;
  if (object === null) return refuse(error ?? ERRNO.ENOENT);
  // A slash leads through the link.
  if (slash) {
    const place = resolve(call, dirfd, path);
    mayBeSeen(call, place);
    return refuse(ERRNO.EINVAL);
  }
  mayBeSeen(call, object);
  if (object.type !== 'lnk') return refuse(ERRNO.EINVAL);
  return linkOfProcess(call, entry) ?? text(readLink(object.fd));
}

function text(read: Uint8Array | number): Uint8Array {
  return typeof read === 'number' ? refuse(-read) : read;
}

/** The text of a link that means the target, once it may be read at all; `null` for any other. */
function linkOfProcess(call: Call, { parent, name }: Named): Uint8Array | null {
  const fact = factOf(parent.fd);
  if (!isProcfs(parent.fd, fact)) return null;
  const self = selfLink(call, parent.fd, fact, decodePath(name));
  if (self !== null) return encodePath(self);
  const owner = procOwner(call, parent.path, fact);
  if (owner !== null && !mayLookInto(call, owner)) refuse(ERRNO.EACCES);
  return null;
}

const row = (handle: CallRow['handle']): CallRow => ({
  handle,
  held: 'emulated',
  residual: 'Under chroot, links of procfs to places tell the path from outside.',
});

/** Handlers that read links. */
export const READ_LINK_CALLS = {
  readlink: row((call) => readlink(call, AT_FDCWD, 0)),
  readlinkat: row((call) => readlink(call, call.int(0), 1)),
} as const satisfies CallTable;
