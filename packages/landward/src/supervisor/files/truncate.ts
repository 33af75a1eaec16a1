/**
 * Changing a file's size: `truncate` by path and `ftruncate` by descriptor.
 *
 * By path it is the pinned object that is cut, through its descriptor. An open file keeps whether it may be cut from its
 * opening (`open-files/marks.ts`); the duplicate that was looked at is what is cut.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD, F, O } from '../../uapi/open.ts';
import { RLIM_INFINITY, RLIMIT } from '../../uapi/resource.ts';
import { becomeCaller } from '../as-caller.ts';
import { type Answer, type Call, type CallTable, must, outcome, refuse } from '../call.ts';
import { askOpened, lackingOf } from '../open-files/marks.ts';
import { openAgain } from './again.ts';
import { descriptorPath } from './look.ts';
import { mustBeWritable } from './names.ts';
import { placeOf } from './place-of.ts';
import { resolve } from './resolve.ts';

const STATX = { bytes: 256, size: 0x200, attributesAt: 8, sizeAt: 40, append: 0x20 } as const;
const SIGXFSZ = 25;

/** Size and flags of an open object. */
function sizeOf(fd: number): { readonly size: bigint; readonly append: boolean } {
  const facts = new DataView(new ArrayBuffer(STATX.bytes));
  if (attempt('statx', fd, new Uint8Array(1), AT.EMPTY_PATH, STATX.size, facts) < 0) refuse(ERRNO.EIO);
  const append = (facts.getUint32(STATX.attributesAt, true) & STATX.append) !== 0;
  return { size: facts.getBigUint64(STATX.sizeAt, true), append };
}

function truncate(call: Call): Answer {
  const length = BigInt.asIntN(64, call.big(1));
  if (length < 0n) return refuse(ERRNO.EINVAL);
  const at = resolve(call, AT_FDCWD, call.target.readPath(call.arg(0)));
  if (at.type === 'dir') return refuse(ERRNO.EISDIR);
  if (at.type !== 'reg') return refuse(ERRNO.EINVAL);
  mustBeWritable(at.fd);
  const { append, size } = sizeOf(at.fd);
  const question = { kind: 'access', at, rights: ['fs.truncate'] } as const;
  // The kernel says so before it asks; it still tells EACCES first to who may not write the file at all.
  if (append && call.target.as(() => mayWrite(at.fd))) return refuse(ERRNO.EPERM);
  const { errno } = call.run.authority.ask(call, question);
  if (errno !== 0) return refuse(errno);
  keepLimit(call, length, size);
  return withoutLease(call, at.fd, () =>
    outcome(call.target.as(() => attempt('truncate', descriptorPath(at.fd), length))),
  );
}

/**
 * Acts while nobody can hold a lease on a file. Cutting a file waits for its lease to be given up, and the program could
 * hold one to stop this thread; a file that is open for writing can be leased to nobody.
 */
function withoutLease(call: Call, fd: number, act: () => Answer): Answer {
  const flags = O[ARCH].WRONLY | O[ARCH].CLOEXEC;
  const open = openAgain(call, fd, flags | O[ARCH].NONBLOCK);
  // Any other error is the act's own to meet: where the file cannot be opened for writing, it has no say in leases.
  if (open !== -ERRNO.EAGAIN) return act();
  const build = new ImageBuilder(ARCH);
  const becoming = becomeCaller(call, build);
  const result = build.slot(-1);
  build.step('openat', [AT_FDCWD, build.string(`/proc/self/fd/${fd}`), flags, 0], 'wait for the lease', {
    store: result,
  });
  const image = build.build();
  return call.later({
    image,
    once: becoming.once,
    finish: ({ step, errno }) => {
      if (errno !== 0) return refuse(step < becoming.steps ? ERRNO.EPERM : errno);
      call.own(must(readSlot(image, result)));
      return becoming.succeeded(image) ? act() : refuse(ERRNO.EPERM);
    },
  });
}

function mayWrite(fd: number): boolean {
  return attempt('faccessat2', AT_FDCWD, descriptorPath(fd), 2, AT.EACCESS) !== -ERRNO.EACCES;
}

function ftruncate(call: Call): Answer {
  const length = BigInt.asIntN(64, call.big(1));
  if (length < 0n) return refuse(ERRNO.EINVAL);
  const fd = call.target.fd(call.int(0));
  const flags = attempt('fcntl', fd, F.GETFL);
  if (flags < 0 || (flags & O.x86_64.PATH) !== 0) return refuse(ERRNO.EBADF);
  const access = flags & O.x86_64.ACCMODE;
  const lacking = lackingOf(fd);
  if (lacking.includes('fs.truncate')) {
    const at = placeOf(call, fd);
    if (at.type !== 'reg' || (access !== O.x86_64.WRONLY && access !== O.x86_64.RDWR))
      return refuse(ERRNO.EINVAL);
    if (sizeOf(fd).append) return refuse(ERRNO.EPERM);
    askOpened(call, at, fd, { right: 'fs.truncate' });
  }
  keepLimit(call, length, sizeOf(fd).size);
  return outcome(call.target.as(() => attempt('ftruncate', fd, length)));
}

/**
 * Holds the target's limit on the size of files, which the kernel would look up in this process.
 *
 * @throws {Refused} EFBIG, and the target gets its signal
 */
function keepLimit(call: Call, length: bigint, size: bigint): void {
  if (length <= size) return;
  const limit = new BigUint64Array(2);
  if (attempt('prlimit64', call.target.tid, RLIMIT.FSIZE, null, limit) < 0) refuse(ERRNO.EPERM);
  if (limit[0] === RLIM_INFINITY || length <= limit[0]!) return;
  attempt('tgkill', call.target.status().pid, call.target.tid, SIGXFSZ);
  refuse(ERRNO.EFBIG);
}

/** Handlers of the group `truncate`, and the part of `opened` that changes sizes. */
export const TRUNCATE_CALLS = {
  truncate: {
    handle: truncate,
    held: 'emulated',
    residual: 'Where the policy refuses, a program that is being executed gives EACCES, not ETXTBSY.',
  },
  ftruncate: {
    handle: ftruncate,
    held: 'emulated',
    residual:
      'A file that was opened without fs.truncate or fs.ioctl_dev tells of leases and O_ASYNC by another signal than SIGIO, and F_SETSIG on it gives EINVAL.',
  },
} as const satisfies CallTable;
