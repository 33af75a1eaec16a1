/**
 * Whether names in a directory have a case: file systems of other systems have none, and some of Linux have directories
 * without. Facts only; a directory that cannot be asked counts as one that tells names apart.
 */

import { IOCTL } from '../uapi/ioctl.ts';
import { AT_FDCWD, O } from '../uapi/open.ts';
import { ARCH, attempt } from './call.ts';

const STATFS_BYTES = 120;
const FS_CASEFOLD_FL = 0x4000_0000;

/** File systems whose names have no case, by the number that `statfs` gives: FAT, exFAT, NTFS, HFS, HFS+, AFFS. */
const WITHOUT_CASE: ReadonlySet<number> = new Set([
  0x4d44, 0x2011_bab0, 0x7366_746e, 0x5346_544e, 0x4244, 0x482b, 0xadff,
]);

/** For each directory whether names in it have no case. */
export function foldsCase(directories: readonly string[]): readonly boolean[] {
  return directories.map(folds);
}

function folds(directory: string): boolean {
  const flags = O[ARCH].RDONLY | O[ARCH].DIRECTORY | O[ARCH].CLOEXEC | O[ARCH].NONBLOCK;
  const path = Buffer.from(`${directory}\0`);
  let fd = attempt('openat', AT_FDCWD, path, flags, 0);
  // Who may not list a directory may still know what it lies on.
  if (fd < 0) fd = attempt('openat', AT_FDCWD, path, O[ARCH].PATH | O[ARCH].DIRECTORY | O[ARCH].CLOEXEC, 0);
  if (fd < 0) return false;
  try {
    const statfs = new DataView(new ArrayBuffer(STATFS_BYTES));
    if (attempt('fstatfs', fd, statfs) === 0 && WITHOUT_CASE.has(statfs.getUint32(0, true))) return true;
    const found = new Uint32Array(2);
    return attempt('ioctl', fd, IOCTL.FS_IOC_GETFLAGS, found) === 0 && (found[0]! & FS_CASEFOLD_FL) !== 0;
  } finally {
    attempt('close', fd);
  }
}
