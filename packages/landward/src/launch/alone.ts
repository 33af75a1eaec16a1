/**
 * Plans for starts beside which no process stays: a process that restricts itself or becomes the program, a compiled launcher.
 *
 * Owns the refusal of plans that need more than that.
 */

import { LandwardError } from '../errors.ts';
import type { Host, Plan } from '../policy/plan.ts';
import { planHost } from './host.ts';

/** A host without its supervisor: what only that could hold is a gap then. */
export function kernelOnly(host: Host = planHost()): Host {
  return { ...host, supervisor: false };
}

/**
 * Refuses a plan that needs a process that stays.
 *
 * @param what what cannot be done with it, such as `compile the plan`
 * @param instead what to do, where a limit is what it needs
 * @throws LandwardError UNSUPPORTED naming the features that a supervisor would hold, or the limits
 */
export function refuseStaying(plan: Plan, what: string, instead: string): void {
  const { supervisor, limits } = plan;
  if (supervisor !== null) {
    const features = supervisor.closes.length > 0 ? supervisor.closes.join(', ') : 'watching for denials';
    throw new LandwardError(
      'UNSUPPORTED',
      `Cannot ${what}: the plan needs the supervisor beside the program, for ${features}`,
      { part: features, fix: "Use spawn or landward run, or write enforce = 'kernel' in the rules" },
    );
  }
  if (limits.timeMs === undefined && Object.keys(limits.cgroup).length === 0) return;
  throw new LandwardError(
    'UNSUPPORTED',
    `Cannot ${what}: the plan needs a process that stays (a time limit or a cgroup)`,
    { fix: instead },
  );
}
