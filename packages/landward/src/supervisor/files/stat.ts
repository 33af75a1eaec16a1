/**
 * What an object is: the stat family, access, statfs. The kernel is asked about the pinned object, and what it says is
 * written into the target.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import {
  type Answer,
  type Call,
  type CallRow,
  type CallTable,
  DONE,
  must,
  outcome,
  refuse,
} from '../call.ts';
import { lookOf, seen } from './seen.ts';

const STAT_BYTES = ARCH === 'x86_64' ? 144 : 128;
const STATX_BYTES = 256;
const STATFS_BYTES = 120;
const STAT_FLAGS = AT.SYMLINK_NOFOLLOW | AT.NO_AUTOMOUNT | AT.EMPTY_PATH;
/** How current the answer has to be (`AT_STATX_*_SYNC`). */
const SYNC = 0x6000;
const ACCESS_FLAGS = AT.EACCESS | AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH;
const EMPTY = new Uint8Array(1);

function stat(call: Call, dirfd: number, at: number, flags: number): Answer {
  if ((flags & ~STAT_FLAGS) !== 0) refuse(ERRNO.EINVAL);
  const fd = seen(call, dirfd, at, lookOf(flags));
  const bytes = new Uint8Array(STAT_BYTES);
  must(attempt('newfstatat', fd, EMPTY, bytes, AT.EMPTY_PATH));
  call.target.write(call.arg(at + 1), bytes);
  return DONE;
}

function statx(call: Call): Answer {
  const flags = call.uint(2);
  const mask = call.uint(3);
  if ((flags & ~(STAT_FLAGS | SYNC)) !== 0 || mask & 0x8000_0000 || (flags & SYNC) === SYNC)
    refuse(ERRNO.EINVAL);
  const fd = seen(call, call.int(0), 1, lookOf(flags));
  const bytes = new Uint8Array(STATX_BYTES);
  must(attempt('statx', fd, EMPTY, (flags & SYNC) | AT.EMPTY_PATH, mask, bytes));
  call.target.write(call.arg(4), bytes);
  return DONE;
}

function access(call: Call, dirfd: number, at: number, flags: number): Answer {
  const mode = call.uint(at + 1);
  if ((mode & ~7) !== 0 || (flags & ~ACCESS_FLAGS) !== 0) refuse(ERRNO.EINVAL);
  const fd = seen(call, dirfd, at, lookOf(flags));
  return outcome(call.target.as(() => attempt('faccessat2', fd, EMPTY, mode, AT.EMPTY_PATH | AT.EACCESS)));
}

function statfs(call: Call): Answer {
  const fd = seen(call, AT_FDCWD, 0);
  const bytes = new Uint8Array(STATFS_BYTES);
  must(attempt('fstatfs', fd, bytes));
  call.target.write(call.arg(1), bytes);
  return DONE;
}

const emulated = (handle: CallRow['handle'], residual = ''): CallRow => ({
  handle,
  held: 'emulated',
  residual,
});
const IDS = 'A program whose real and effective user differ is told what the effective one may do.';

/** Handlers that tell what an object is. */
export const STAT_CALLS = {
  stat: emulated((call) => stat(call, AT_FDCWD, 0, 0)),
  lstat: emulated((call) => stat(call, AT_FDCWD, 0, AT.SYMLINK_NOFOLLOW)),
  newfstatat: emulated((call) => stat(call, call.int(0), 1, call.uint(3))),
  statx: emulated(statx),
  access: emulated((call) => access(call, AT_FDCWD, 0, 0), IDS),
  faccessat: emulated((call) => access(call, call.int(0), 1, 0), IDS),
  faccessat2: emulated((call) => access(call, call.int(0), 1, call.uint(3)), IDS),
  statfs: emulated(statfs),
} as const satisfies CallTable;
