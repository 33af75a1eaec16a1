/**
 * Reading procfs without Node's file system module, which would go through other threads and make streams of errors.
 * Owns nothing of what the files mean.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';

const LINK_BYTES = 4096;
const SHORT_BYTES = 4096;

/** Used again by every reading of a link, which ends before the next begins. */
const link = Buffer.alloc(LINK_BYTES);

/** A path as the kernel takes it. */
export function pathBytes(path: string): Uint8Array {
  return Buffer.from(`${path}\0`);
}

/** Reads a file in one go; `null` where there is none or it may not be read. Longer ones are cut. */
export function readProc(path: string, room = SHORT_BYTES): Uint8Array | null {
  const fd = attempt('openat', AT_FDCWD, pathBytes(path), O[ARCH].RDONLY | O[ARCH].CLOEXEC, 0);
  if (fd < 0) return null;
  const bytes = new Uint8Array(room);
  const count = attempt('read', fd, bytes, room);
  attempt('close', fd);
  return count < 0 ? null : bytes.subarray(0, count);
}

/** Reads a symbolic link; `null` where there is none or it may not be read. */
export function readProcLink(path: string): string | null {
  const count = attempt('readlinkat', AT_FDCWD, pathBytes(path), link, LINK_BYTES);
  return count < 0 ? null : link.toString('utf8', 0, count);
}

/** Opens a place of procfs for looking: O_PATH, following a magic link. A descriptor, or `-errno`. */
export function openProc(path: string, flags = 0): number {
  return attempt('openat', AT_FDCWD, pathBytes(path), O[ARCH].PATH | O[ARCH].CLOEXEC | flags, 0);
}
