/**
 * The start of a program, by the kernel alone or under a supervisor: what `spawn` and staying beside a command both begin
 * with. Loads nothing of the supervisor for plans that need none.
 */

import type { DenialEvent } from '../model/denial.ts';
import type { Prepared } from './prepare.ts';
import type { RunOrigin } from './run-record.ts';
import { type Started, type StartOptions, start } from './start.ts';
import type { SupervisedRun } from './supervised-run.ts';

/** A program that runs. */
export interface Begun extends Started {
  /** Set where a supervisor answers for it. */
  readonly supervised?: SupervisedRun;
}

/**
 * Starts a program: at once where the kernel alone holds the plan.
 *
 * @param onDenial hears of denials by a supervisor
 * @param origin what the registry keeps of where the run comes from
 * @throws as `start`; LandwardError SUPERVISOR where there can be none
 */
export function begin(
  command: string,
  args: readonly string[],
  prepared: Prepared,
  options: StartOptions,
  onDenial?: (denial: DenialEvent) => void,
  origin?: Pick<RunOrigin, 'words' | 'files'>,
): Begun | Promise<Begun> {
  const { decide } = options.deciding ?? {};
  // A function that no plan asks is refused there; a person who is never needed is not.
  if (
    prepared.plan.supervisor === null &&
    (typeof decide === 'object' ? decide.decide : decide) === undefined
  )
    return start(command, args, prepared, options);
  return beginSupervised(command, args, prepared, options, onDenial, origin);
}

async function beginSupervised(...args: Parameters<typeof begin>): Promise<Begun> {
  const { superviseRun } = await import('./supervised-run.ts');
  const supervised = await superviseRun(...args);
  return { ...supervised.started, supervised };
}
