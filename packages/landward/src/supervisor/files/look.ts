/**
 * The system calls that finding objects is made of, each with memory of its own: open a place, look at it, read a link.
 *
 * Owns no decision and no path semantics. Results are read out before the next call: the memory is used again.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import type { InodeType } from '../../model/landlock/world.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD, O, S_IF, S_IFMT } from '../../uapi/open.ts';

const STATX_BYTES = 256;
/** Type, mode, links, owner, inode, and the mount. */
const STATX_WANTED = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100 | 0x1000;
const STATX_ATTR_AUTOMOUNT = 0x1000;
const STATFS_BYTES = 120;
/** What a link or a path can hold, and one more to tell that it did not fit. */
export const PATH_MAX = 4096;

const how = new DataView(new ArrayBuffer(24));
const stat = new DataView(new ArrayBuffer(STATX_BYTES));
const statfs = new DataView(new ArrayBuffer(STATFS_BYTES));
const link = new Uint8Array(PATH_MAX + 1);
const name = new Uint8Array(PATH_MAX + 1);
const EMPTY = new Uint8Array(1);
const encoder = new TextEncoder();
const DESCRIPTORS = encoder.encode('/proc/self/fd/');
const ZERO = 48;
/** No descriptor has this name. */
const MINUS = 45;
const descriptor = new Uint8Array(DESCRIPTORS.length + 12);
descriptor.set(DESCRIPTORS);
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes as the text that rules are matched with: what is not UTF-8 becomes U+FFFD. */
export function decodePath(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Text as bytes, without a NUL. */
export function encodePath(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A path as the kernel takes it, valid until the next use. Longer paths are cut where the kernel refuses them. */
export function terminated(path: Uint8Array): Uint8Array {
  const length = Math.min(path.length, PATH_MAX);
  name.set(length === path.length ? path : path.subarray(0, length));
  name[length] = 0;
  return name;
}

/**
 * Opens a place (O_PATH), close-on-exec.
 *
 * @param flags more open flags: O_NOFOLLOW, O_DIRECTORY
 * @param resolve flags of `RESOLVE`
 * @returns the descriptor or `-errno`
 */
export function openPlace(dirfd: number, path: Uint8Array, flags: number, resolve: number): number {
  how.setUint32(0, O[ARCH].PATH | O[ARCH].CLOEXEC | flags, true);
  how.setUint32(16, resolve, true);
  const result = attempt('openat2', dirfd, terminated(path), how, 24);
  // This process's own limit is not the target's.
  return result === -ERRNO.EMFILE ? -ERRNO.ENFILE : result;
}

/** What the walk and decisions need to know of an object. */
export interface Fact {
  readonly mode: number;
  readonly type: InodeType;
  readonly nlink: number;
  readonly uid: number;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mount: bigint;
  /** The major number of the file system's device: 0 for one without a device, such as procfs. */
  readonly major: number;
  /** Whether entering it would mount something. */
  readonly automount: boolean;
}

const TYPES: Readonly<Record<number, InodeType>> = {
  [S_IF.REG]: 'reg',
  [S_IF.DIR]: 'dir',
  [S_IF.LNK]: 'lnk',
  [S_IF.CHR]: 'char',
  [S_IF.BLK]: 'block',
  [S_IF.FIFO]: 'fifo',
  [S_IF.SOCK]: 'sock',
};

/** The type of a mode. Anonymous inodes of older kernels have none: they are treated as files. */
export function inodeType(mode: number): InodeType {
  return TYPES[mode & S_IFMT] ?? 'reg';
}

/** Looks at an open object: the fact or `-errno`. */
export function lookAtFd(fd: number): Fact | number {
  return lookAtName(fd, EMPTY, AT.EMPTY_PATH);
}

/** Looks at what a name means, links not followed. */
export function lookAtEntry(dirfd: number, entry: Uint8Array): Fact | number {
  return lookAtName(dirfd, terminated(entry), AT.SYMLINK_NOFOLLOW | AT.NO_AUTOMOUNT);
}

function lookAtName(dirfd: number, path: Uint8Array, flags: number): Fact | number {
  const result = attempt('statx', dirfd, path, flags, STATX_WANTED, stat);
  if (result < 0) return result;
  const mode = stat.getUint16(28, true);
  const major = stat.getUint32(136, true);
  return {
    mode,
    type: inodeType(mode),
    nlink: stat.getUint32(16, true),
    uid: stat.getUint32(20, true),
    ino: stat.getBigUint64(32, true),
    dev: deviceNumber(major, stat.getUint32(140, true)),
    mount: stat.getBigUint64(144, true),
    major,
    automount: (stat.getUint32(8, true) & STATX_ATTR_AUTOMOUNT) !== 0,
  };
}

/** The number of a device as `stat` has it, from the two parts that `statx` gives. */
export function deviceNumber(major: number, minor: number): bigint {
  if (major < 0x1000 && minor < 0x100) return BigInt((major << 8) | minor);
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}

/** The type of the file system that an object is on, `f_type`; or `-errno`. */
export function fileSystemOf(fd: number): number {
  const result = attempt('fstatfs', fd, statfs);
  return result < 0 ? result : statfs.getUint32(0, true);
}

/**
 * Reads a symbolic link that is open as a place.
 *
 * @returns a copy of its text, or `-errno`
 */
export function readLink(fd: number): Uint8Array | number {
  const length = attempt('readlinkat', fd, EMPTY, link, link.length);
  return length < 0 ? length : link.slice(0, length);
}

/**
 * Where an open object is, as the kernel tells in this process's root, maybe with the mark of deleted files.
 *
 * @returns the text or `-errno`; -36 (ENAMETOOLONG) for a path that is too long to be told
 */
export function whereIs(fd: number): string | number {
  const length = attempt('readlinkat', AT_FDCWD, descriptorPath(fd), link, link.length);
  return length < 0 ? length : decodePath(link.subarray(0, length));
}

/** The path that means an open object of this process again, terminated; valid until the next use. */
export function descriptorPath(fd: number): Uint8Array {
  let digits = 1;
  for (let rest = fd; rest >= 10; rest = Math.trunc(rest / 10)) digits++;
  descriptor[DESCRIPTORS.length + digits] = 0;
  for (let rest = fd, at = digits; at-- > 0; rest = Math.trunc(rest / 10))
    descriptor[DESCRIPTORS.length + at] = fd < 0 ? MINUS : ZERO + (rest % 10);
  return descriptor;
}

/** Closes a descriptor that no call owns. */
export function drop(fd: number): void {
  attempt('close', fd);
}
