/**
 * The way up from a directory: each directory above it with its identity and whether a mount begins there, as the kernel's
 * own walk meets them. One system call a level, no descriptor.
 *
 * Owns the looking. A directory that is no longer below its mount's root has no way up: `detached`.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import type { InodeType } from '../../model/landlock/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, O } from '../../uapi/open.ts';
import { inodeType } from '../files/look.ts';

const STATX_BYTES = 256;
/** Type, mode, inode, mount. */
const STATX_WANTED = 0x1 | 0x2 | 0x100 | 0x1000;
const MOUNT_ROOT = 0x2000;
/** Levels that are looked at from one descriptor: longer paths of dots do not fit. */
const REACH = 1000;

/** One object on the way. */
export interface Level {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mount: bigint;
  readonly mountRoot: boolean;
  readonly type: InodeType;
  /** A character device 0:0, which overlay file systems put in place of what was removed. */
  readonly whiteout: boolean;
  /** From where, and by which path, it can be looked at again. Valid while the walk lasts. */
  readonly fd: number;
  readonly path: Uint8Array;
}

/** The way up, the nearest first. */
export interface Ascent {
  readonly levels: readonly Level[];
  /** Whether it ended at a directory that has nothing above it although no mount begins there. */
  readonly detached: boolean;
}

const stat = new DataView(new ArrayBuffer(STATX_BYTES));
const HERE = new Uint8Array(1);
const dots: Uint8Array[] = [HERE];

/** `../../..`, terminated; the empty path for no level. */
function up(levels: number): Uint8Array {
  const known = dots[levels];
  if (known !== undefined) return known;
  const made = new TextEncoder().encode(`${Array(levels).fill('..').join('/')}\0`);
  dots[levels] = made;
  return made;
}

/** Looks at one object: the level or `-errno`. */
export function lookAtLevel(fd: number, path: Uint8Array = HERE): Level | number {
  const flags = path[0] === 0 ? AT.EMPTY_PATH : AT.NO_AUTOMOUNT;
  const result = attempt('statx', fd, path, flags, STATX_WANTED, stat);
  if (result < 0) return result;
  return {
    dev: (BigInt(stat.getUint32(136, true)) << 32n) | BigInt(stat.getUint32(140, true)),
    ino: stat.getBigUint64(32, true),
    mount: stat.getBigUint64(144, true),
    mountRoot: (stat.getUint32(8, true) & MOUNT_ROOT) !== 0,
    type: inodeType(stat.getUint16(28, true)),
    whiteout: stat.getUint32(128, true) === 0 && stat.getUint32(132, true) === 0,
    fd,
    path,
  };
}

/**
 * Climbs from a directory to the root of its tree.
 *
 * What may not be searched ends the way as if nothing were above: fewer rules apply, so less is granted.
 *
 * @param keep takes over the descriptors that deep directories need
 */
export function ascend(directory: number, keep: (fd: number) => void): Ascent {
  const levels: Level[] = [];
  let base = directory;
  let steps = 0;
  for (;;) {
    const level = lookAtLevel(base, up(steps));
    if (typeof level === 'number') return { levels, detached: level === -ERRNO.ENOENT };
    const below = levels.at(-1);
    if (below !== undefined && isSamePlace(below, level)) return { levels, detached: false };
    levels.push(level);
    steps++;
    if (steps < REACH) continue;
    base = attempt('openat', base, up(steps), O[ARCH].PATH | O[ARCH].DIRECTORY | O[ARCH].CLOEXEC, 0);
    if (base < 0) return { levels, detached: false };
    keep(base);
    steps = 0;
  }
}

/** Whether two levels are one directory, seen through one mount. */
export function isSamePlace(a: Level, b: Level): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.mount === b.mount;
}
