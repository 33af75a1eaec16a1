/**
 * Memory of other processes, copied once. Owns the way around kernels that refuse `process_vm_readv`; what the bytes mean, and
 * whether the number still means the same thread, is the caller's business.
 */

import { ERRNO } from '../uapi/errno.ts';
import { AT_FDCWD, O } from '../uapi/open.ts';
import { ARCH, attempt } from './call.ts';
import { native } from './native.ts';

const PAGE_BYTES = 4096;
const encoder = new TextEncoder();

/**
 * Copies memory up to the first page that cannot be read.
 *
 * @param tid a thread of the process
 * @param to takes `length` bytes at most
 * @returns the number of bytes, `-EFAULT` when not one can be read, else `-errno`: ESRCH for a thread that is gone, EPERM
 * for one that may not be looked at
 */
export function readMemory(tid: number, address: number, to: Uint8Array, length = to.length): number {
  const result = native().readMemory(tid, address, to, length);
  return result === -ERRNO.EPERM || result === -ERRNO.ENOSYS
    ? readThroughFile(tid, address, to, length, result)
    : result;
}

/**
 * Copies a text up to its NUL.
 *
 * @returns the number of bytes before the NUL; `-EFAULT` at a hole, `-ENAMETOOLONG` where `to` ends first, else as
 * `readMemory`
 */
export function readString(tid: number, address: number, to: Uint8Array, length = to.length): number {
  const result = native().readString(tid, address, to, length);
  if (result !== -ERRNO.EPERM && result !== -ERRNO.ENOSYS) return result;
  const read = readThroughFile(tid, address, to, length, result);
  if (read < 0) return read;
  const end = to.subarray(0, read).indexOf(0);
  if (end >= 0) return end;
  return read < length ? -ERRNO.EFAULT : -ERRNO.ENAMETOOLONG;
}

/**
 * Copies bytes into memory that the process itself can write. There is no way around a refusal: `/proc/PID/mem` would write
 * to memory that is read-only for the process.
 *
 * @returns the number of bytes written, or `-errno`
 */
export function writeMemory(tid: number, address: number, from: Uint8Array): number {
  return native().writeMemory(tid, address, from, from.length);
}

/** Filters of containers can refuse `process_vm_readv` and leave the file. `refused` is what the call said. */
function readThroughFile(
  tid: number,
  address: number,
  to: Uint8Array,
  length: number,
  refused: number,
): number {
  const path = encoder.encode(`/proc/${tid}/mem\0`);
  const file = attempt('openat', AT_FDCWD, path, O[ARCH].RDONLY | O[ARCH].CLOEXEC);
  if (file < 0) return file === -ERRNO.ENOENT ? -ERRNO.ESRCH : refused;
  try {
    let done = 0;
    while (done < length) {
      const at = address + done;
      const piece = Math.min(length - done, PAGE_BYTES - (at % PAGE_BYTES));
      const read = attempt('pread64', file, to.subarray(done), piece, at);
      // An address without memory is EIO here.
      if (read <= 0) return done > 0 ? done : -ERRNO.EFAULT;
      done += read;
    }
    return done;
  } finally {
    attempt('close', file);
  }
}
