/**
 * The host as a plan needs to know it, asked of the running system. Facts only: what follows from them is decided by
 * `policy/compile`.
 */

import { readdirSync, realpathSync, statSync } from 'node:fs';
import { release } from 'node:os';
import type { Host, PathFact } from '../policy/plan.ts';
import { ERRNO } from '../uapi/errno.ts';
import { S_IF, S_IFMT } from '../uapi/open.ts';
import { ARCH } from './call.ts';
import { type FileFact, lookAt } from './files.ts';
import { landlockStatus } from './landlock.ts';
import { seccompAvailable } from './seccomp.ts';

const TYPES: Readonly<Record<number, PathFact['type']>> = {
  [S_IF.REG]: 'file',
  [S_IF.DIR]: 'directory',
  [S_IF.CHR]: 'char',
  [S_IF.BLK]: 'block',
  [S_IF.FIFO]: 'fifo',
  [S_IF.SOCK]: 'socket',
};

/** What a kernel before 5.6 and the filters of old containers answer to openat2. */
const NO_OPENAT2: readonly number[] = [ERRNO.ENOSYS, ERRNO.EPERM];
const ONE_BY_ONE: readonly number[] = [ERRNO.ELOOP, ...NO_OPENAT2];

/**
 * Asks the running system.
 *
 * @example const plan = compile(policy, host());
 */
export function host(): Host {
  const landlock = landlockStatus();
  return {
    arch: ARCH,
    abi: landlock.abi,
    errata: landlock.errata,
    landlock: landlock.state,
    seccomp: seccompAvailable(),
    supervisor: false,
    kernel: release(),
    uid: process.getuid?.() ?? -1,
    stat: statPaths,
    list: listDirectory,
  };
}

/**
 * What paths are, symbolic links followed.
 *
 * A path is first opened without following links, many at once; only those with a link in them are resolved one by
 * one. `null` is a path where nothing is or nothing can be reached.
 */
export function statPaths(paths: readonly string[]): readonly (PathFact | null)[] {
  return lookAt(paths, { symlinks: false }).map((looked, index) => {
    const path = paths[index]!;
    if (looked.fact !== undefined) return pathFact(path, looked.fact);
    return ONE_BY_ONE.includes(looked.errno) ? statLinked(path) : null;
  });
}

function statLinked(path: string): PathFact | null {
  const real = realPath(path);
  if (real === null) return null;
  // Looks at the result, not again at the path: what is reported is one object, whatever changes in between.
  const [looked] = lookAt([real], { symlinks: false });
  if (looked?.fact !== undefined) return pathFact(real, looked.fact);
  return looked !== undefined && NO_OPENAT2.includes(looked.errno) ? statSlowly(real) : null;
}

/** Where openat2 is missing. The object may be replaced in between: whoever opens it compares the identity. */
function statSlowly(real: string): PathFact | null {
  const stat = statSync(real, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return null;
  const { dev, ino } = stat;
  return pathFact(real, { dev, ino, mode: Number(stat.mode), nlink: Number(stat.nlink) });
}

function realPath(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch {
    return null;
  }
}

function pathFact(real: string, { mode, dev, ino, nlink }: FileFact): PathFact | null {
  const type = TYPES[mode & S_IFMT];
  return type === undefined ? null : { real, type, dev, ino, nlink };
}

function listDirectory(path: string): readonly string[] | null {
  try {
    return readdirSync(path).sort();
  } catch {
    return null;
  }
}
