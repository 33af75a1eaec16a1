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
import { foldsCase } from './case-folding.ts';
import { type FileFact, lookAt } from './files.ts';
import { landlockStatus } from './landlock.ts';
import { seccompAvailable } from './seccomp.ts';
import { supervisorState } from './supervisor.ts';

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
  // Asked when it is needed: most plans need no supervisor.
  let supervisor: boolean | undefined;
  return {
    arch: ARCH,
    abi: landlock.abi,
    errata: landlock.errata,
    landlock: landlock.state,
    seccomp: seccompAvailable(),
    get supervisor() {
      supervisor ??= supervisorState().works;
      return supervisor;
    },
    kernel: release(),
    uid: process.getuid?.() ?? -1,
    stat: statPaths,
    list: listDirectory,
    folds: foldsCase,
  };
}

/**
 * What paths are, symbolic links followed.
 *
 * A path is first opened without following links, many at once; only those with a link in them are resolved, and then
 * opened in the same way. `null` is a path where nothing is or nothing can be reached.
 */
export function statPaths(paths: readonly string[]): readonly (PathFact | null)[] {
  const facts: (PathFact | null)[] = [];
  const linked: { readonly index: number; readonly real: string }[] = [];
  lookAt(paths, { symlinks: false }).forEach((looked, index) => {
    const path = paths[index]!;
    facts.push(looked.fact === undefined ? null : pathFact(path, looked.fact));
    if (looked.fact !== undefined || !ONE_BY_ONE.includes(looked.errno)) return;
    const real = realPath(path);
    if (real !== null) linked.push({ index, real });
  });
  // Looks at the results, not again at the paths: what is reported is one object, whatever changes in between.
  const reals = linked.map(({ real }) => real);
  lookAt(reals, { symlinks: false }).forEach((looked, place) => {
    const { index, real } = linked[place]!;
    if (looked.fact !== undefined) facts[index] = pathFact(real, looked.fact);
    else if (NO_OPENAT2.includes(looked.errno)) facts[index] = statSlowly(real);
  });
  return facts;
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
