/**
 * A cgroup of its own for a run whose plan has limits of a whole tree of processes (cgroup v2).
 *
 * Owns the directory from making it to removing it. Where plans may have such limits is decided by `compile`, by what
 * the host offers; here a limit that cannot be set stops the start.
 */

import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LandwardError } from '../errors.ts';
import { call } from '../kernel/call.ts';
import type { Plan } from '../policy/plan.ts';
import { F } from '../uapi/open.ts';
import { hostCgroup } from './host.ts';

/** The cgroup of one run. */
export interface RunCgroup {
  /** A descriptor of its `cgroup.procs`; whoever writes `0` there enters. */
  readonly procs: number;
  /** Ends every process inside; false where this kernel cannot (before Linux 5.14). */
  kill(): boolean;
  /** Closes the descriptor and removes the cgroup; one that still holds processes stays for them. */
  remove(): void;
}

/**
 * Makes the cgroup that a plan asks for.
 *
 * @returns `undefined` where the plan asks for none
 * @throws LandwardError KERNEL when it cannot be made or a limit cannot be set
 */
export function joinCgroup(plan: Plan): RunCgroup | undefined {
  const limits = Object.entries(plan.limits.cgroup);
  if (limits.length === 0) return undefined;
  const parent = hostCgroup();
  if (parent === undefined)
    throw new LandwardError(
      'KERNEL',
      'Cannot hold the limits of the plan: there is no writable cgroup on this host any more',
    );
  const path = join(parent.path, `landward-${process.pid}-${process.hrtime.bigint()}`);
  try {
    mkdirSync(path);
    for (const [file, value] of limits) writeFileSync(join(path, file), value);
    const procs = openAboveStandard(join(path, 'cgroup.procs'));
    return {
      procs,
      kill: () => tryTo(() => writeFileSync(join(path, 'cgroup.kill'), '1')) && emptied(path),
      remove: () => {
        closeSync(procs);
        removeSoon(path);
      },
    };
  } catch (error) {
    tryTo(() => rmdirSync(path));
    const { message } = error as Error;
    throw new LandwardError('KERNEL', `Cannot hold the limits of the plan in a cgroup: ${message}`, {
      part: path,
      cause: error,
    });
  }
}

/** Removes the cgroup, now or when the processes that were killed have ended; nobody waits for that. */
function removeSoon(path: string, tries = 20): void {
  if (tryTo(() => rmdirSync(path)) || tries === 0) return;
  setTimeout(() => removeSoon(path, tries - 1), 100).unref();
}

/** Opens for writing, never under a number that the program could get as a standard descriptor. */
function openAboveStandard(path: string): number {
  const fd = openSync(path, 'w');
  if (fd > 2) return fd;
  try {
    return call('move the cgroup', 'fcntl', fd, F.DUPFD_CLOEXEC, 3);
  } finally {
    closeSync(fd);
  }
}

/** Whether the cgroup is known to lose its processes: the kernel has taken the order. */
function emptied(path: string): boolean {
  return tryTo(() => readFileSync(join(path, 'cgroup.events'), 'utf8'));
}

function tryTo(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
