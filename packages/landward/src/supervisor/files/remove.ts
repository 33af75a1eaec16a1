/**
 * Removing names: `unlink` and `rmdir`.
 *
 * What is asked depends on the call and the name, not on what is there, so nothing that is put under the name meanwhile
 * can be removed with another right than its own: the kernel unlinks no directory, and removes nothing else with rmdir.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, outcome, refuse } from '../call.ts';
import { mustNotBeMountpoint } from './mountpoint.ts';
import { mustBeWritable, nameAt, terminatedCopy } from './names.ts';
import type { Named } from './resolve.ts';

/** What `rmdir` answers for a path that ends with no name. */
const NO_DIRECTORY_NAME = {
  dot: ERRNO.EINVAL,
  dotdot: ERRNO.ENOTEMPTY,
  root: ERRNO.EBUSY,
} as const satisfies Record<Exclude<Named['last'], 'name'>, number>;

function unlink(call: Call, dirfd: number, at: number): Answer {
  const entry = nameAt(call, dirfd, call.target.readPath(call.arg(at)));
  if (entry.last !== 'name') return refuse(ERRNO.EISDIR);
  mustBeWritable(entry.parent.fd);
  if (entry.error !== undefined) return refuse(entry.error);
  if (entry.object === null) return refuse(ERRNO.ENOENT);
  if (entry.slash) return refuse(entry.object.type === 'dir' ? ERRNO.EISDIR : ERRNO.ENOTDIR);
  return remove(call, entry, 'fs.remove_file', 0);
}

function rmdir(call: Call, dirfd: number, at: number): Answer {
  const entry = nameAt(call, dirfd, call.target.readPath(call.arg(at)));
  if (entry.last !== 'name') return refuse(NO_DIRECTORY_NAME[entry.last]);
  mustBeWritable(entry.parent.fd);
  if (entry.error !== undefined) return refuse(entry.error);
  if (entry.object === null) return refuse(ERRNO.ENOENT);
  return remove(call, entry, 'fs.remove_dir', AT.REMOVEDIR);
}

function remove(call: Call, entry: Named, right: 'fs.remove_file' | 'fs.remove_dir', flags: number): Answer {
  const { errno } = call.run.authority.ask(call, { kind: 'remove', entry, right });
  if (errno !== 0) return refuse(errno);
  mustNotBeMountpoint(entry);
  const name = terminatedCopy(entry.name);
  return outcome(call.target.as(() => attempt('unlinkat', entry.parent.fd, name, flags)));
}

function unlinkat(call: Call): Answer {
  const flags = call.uint(2);
  if ((flags & ~AT.REMOVEDIR) !== 0) return refuse(ERRNO.EINVAL);
  return flags === 0 ? unlink(call, call.int(0), 1) : rmdir(call, call.int(0), 1);
}

const emulated = (handle: CallRow['handle']): CallRow => ({ handle, held: 'emulated', residual: '' });

/** Handlers of the group `remove`. */
export const REMOVE_CALLS = {
  unlink: emulated((call) => unlink(call, AT_FDCWD, 0)),
  unlinkat: emulated(unlinkat),
  rmdir: emulated((call) => rmdir(call, AT_FDCWD, 0)),
} as const satisfies CallTable;
