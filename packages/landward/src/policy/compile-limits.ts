/**
 * The resource limits of a plan: what a process can be held to, and what only a cgroup can hold for the whole tree.
 *
 * Owns which mechanism stands for which limit. A limit of processes as a resource limit counts all processes of the user
 * and spares root, so it only ever helps beside a gap that a person accepted.
 */

import { RLIMIT } from '../uapi/resource.ts';
import type { GapList } from './compile-gaps.ts';
import type { Host, LimitPlan } from './plan.ts';
import type { LimitPolicy } from './policy.ts';

/**
 * Compiles the limits.
 *
 * - `memory`: `memory.max` of a cgroup, which counts no swap; without one, private memory of each process (RLIMIT_DATA).
 * - `procs`: `pids.max` of a cgroup; without one, RLIMIT_NPROC.
 * - `cpu`, `files`, `file_size`, `core`: of each process.
 * - `time`: by a process that stays.
 */
export function compileLimits(
  limits: LimitPolicy,
  host: Host,
  gaps: GapList,
): { plan: LimitPlan; stricter: readonly string[] } {
  const rlimits: { resource: number; name: string; value: number }[] = [];
  const cgroup: Record<string, string> = {};
  const stricter: string[] = [];
  const controllers = host.cgroup?.controllers ?? [];
  const limit = (name: keyof typeof RLIMIT, value: number) =>
    rlimits.push({ resource: RLIMIT[name], name: `RLIMIT_${name}`, value });

  if (limits.memoryBytes !== undefined) {
    if (controllers.includes('memory')) {
      cgroup['memory.max'] = String(limits.memoryBytes);
    } else {
      gaps.add('limits.cgroup', { lost: 'memory is limited for each process, not for all of them together' });
      limit('DATA', limits.memoryBytes);
    }
  }
  if (limits.procs !== undefined) {
    if (controllers.includes('pids')) {
      cgroup['pids.max'] = String(limits.procs);
    } else if (host.uid === 0) {
      gaps.add('limits.cgroup', {
        lost: 'the number of processes is not limited, since the kernel spares root',
      });
    } else {
      gaps.add('limits.cgroup', {
        lost: 'the number of processes is limited for the user, not for this program',
      });
      limit('NPROC', limits.procs);
      stricter.push(`All processes of this user count towards the limit of ${limits.procs} processes`);
    }
  }
  if (limits.cpuSeconds !== undefined) limit('CPU', limits.cpuSeconds);
  if (limits.files !== undefined) limit('NOFILE', limits.files);
  if (limits.fileSizeBytes !== undefined) limit('FSIZE', limits.fileSizeBytes);
  if (limits.coreBytes !== undefined) limit('CORE', limits.coreBytes);
  const timeMs = limits.timeMs === undefined ? {} : { timeMs: limits.timeMs };
  return { plan: { rlimits, cgroup, ...timeMs }, stricter };
}
