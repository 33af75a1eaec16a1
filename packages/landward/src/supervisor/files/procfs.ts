/**
 * What procfs means for the target: `self` and `thread-self` are the target, and a magic link belongs to a process.
 *
 * Owns the translation of process numbers between instances of procfs. Whether a process may be looked into is
 * the authority's business; that the supervisor itself may not is settled here.
 */

import { existsSync, readFileSync } from 'node:fs';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD, RESOLVE } from '../../uapi/open.ts';
import { type Call, refuse } from '../call.ts';
import { drop, encodePath, type Fact, fileSystemOf, lookAtEntry, lookAtFd, openPlace } from './look.ts';
import { pathInTree } from './place-of.ts';

const PROC_SUPER_MAGIC = 0x9fa0;
/** The inode of the root directory of every procfs. */
const ROOT_INO = 1n;

/** Whether an object is on a procfs. */
export function isProcfs(fd: number, fact: Pick<Fact, 'dev' | 'major'>): boolean {
  // A procfs has no device; anonymous device numbers are used again, so only the own /proc's is remembered.
  return fact.major === 0 && (fact.dev === ownProcfs() || fileSystemOf(fd) === PROC_SUPER_MAGIC);
}

let own: bigint | undefined;

/** The device of the procfs at this process's /proc. */
function ownProcfs(): bigint {
  own ??= askOwnProcfs();
  return own;
}

function askOwnProcfs(): bigint {
  const fd = openPlace(AT_FDCWD, encodePath('/proc'), 0, 0);
  if (fd < 0) return -1n;
  const fact = lookAtFd(fd);
  const dev = typeof fact !== 'number' && fileSystemOf(fd) === PROC_SUPER_MAGIC ? fact.dev : -1n;
  drop(fd);
  return dev;
}

/**
 * What a link in a procfs's root directory means for the target.
 *
 * @param root the fact of the directory that holds the link
 * @returns the text to go on with, or `null` where the link means the same for everybody
 * @throws {Refused} ENOENT where the target is in no PID namespace of this procfs
 */
export function selfLink(call: Call, dirfd: number, root: Fact, name: string): string | null {
  if (root.ino !== ROOT_INO || (name !== 'self' && name !== 'thread-self')) return null;
  const level = levelOf(call, dirfd, root);
  if (level === -1) return refuse(ERRNO.ENOENT);
  const { namespacedPids, namespacedTids } = call.target.status();
  const pid = namespacedPids[level]!;
  return name === 'self' ? `${pid}` : `${pid}/task/${namespacedTids[level]!}`;
}

/** Which of the target's process numbers a procfs shows: an index of `namespacedPids`, or -1. */
function levelOf(call: Call, dirfd: number, root: Fact): number {
  if (root.dev === ownProcfs()) return 0;
  const { namespacedPids } = call.target.status();
  for (const [level, pid] of namespacedPids.entries()) {
    const ids = namespacedIds(dirfd, `${pid}/status`);
    if (ids.length > 0 && ids.join() === namespacedPids.slice(level).join()) return level;
  }
  return -1;
}

/** The NSpid line of a status file below a directory: process numbers from that procfs's namespace inwards. */
function namespacedIds(dirfd: number, path: string): number[] {
  try {
    const status = readFileSync(`/proc/self/fd/${dirfd}/${path}`, 'latin1');
    const line = /^NSpid:\s+(.*)$/m.exec(status);
    return line === null ? [] : line[1]!.trim().split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

/** Whose directory of a procfs an object is in. */
export interface ProcOwner {
  /** The process as this process numbers it; `null` where it cannot be told. */
  readonly pid: number | null;
  /** The thread, where the path goes through `task`. */
  readonly tid: number | null;
  /** The rest of the path below the process's or thread's directory; empty for the directory itself. */
  readonly file: string;
  /** Whether it is the target's own process. */
  readonly own: boolean;
  /** Whether it is this process. */
  readonly supervisor: boolean;
}

/**
 * Whose directory an object on a procfs is in; `null` for what belongs to no process.
 *
 * @param path where the object is, as `whereIs` told; a procfs may be mounted anywhere
 */
export function procOwner(call: Call, path: string, fact: { readonly dev: bigint }): ProcOwner | null {
  const inside = belowProcfs(call, pathInTree(path), fact.dev);
  if (inside === null) return { pid: null, tid: null, file: path, own: false, supervisor: false };
  const match = /^(\d+)(?:\/task\/(\d+))?(?:\/(.*))?$/.exec(inside);
  if (match === null) return null;
  const shown = Number(match[1]);
  const tid = match[2] === undefined ? null : Number(match[2]);
  const file = match[3] ?? '';
  const { namespacedPids, pid: target } = call.target.status();
  if (fact.dev === ownProcfs())
    return { pid: shown, tid, file, own: shown === target, supervisor: isOurs(shown) };
  const own = namespacedPids.includes(shown);
  return { pid: own ? target : null, tid: null, file, own, supervisor: false };
}

/** Directories of threads can be opened by number without being listed: a thread of ours is us. */
function isOurs(pid: number): boolean {
  return pid === process.pid || existsSync(`/proc/self/task/${pid}`);
}

/** The part of a path below the root of the procfs that it is on, or `null` where the root is not found. */
function belowProcfs(call: Call, path: string, dev: bigint): string | null {
  if (dev === ownProcfs() && path.startsWith('/proc/')) return path.slice('/proc/'.length);
  for (let slash = path.lastIndexOf('/'); slash >= 0; slash = path.lastIndexOf('/', slash - 1)) {
    if (isProcfsRoot(call, path.slice(0, slash) || '/', dev)) return path.slice(slash + 1);
    if (slash === 0) break;
  }
  return isProcfsRoot(call, path, dev) ? '' : null;
}

function isProcfsRoot(call: Call, path: string, dev: bigint): boolean {
  const bytes = encodePath(path);
  const isRoot = (fact: Fact | number) =>
    typeof fact !== 'number' && fact.ino === ROOT_INO && fact.dev === dev;
  if (isRoot(lookAtEntry(AT_FDCWD, bytes))) return true;
  if (call.target.sharesRoot) return false;
  const fd = openPlace(call.target.root(), bytes, 0, RESOLVE.IN_ROOT);
  if (fd < 0) return false;
  const found = isRoot(lookAtFd(fd));
  drop(fd);
  return found;
}
