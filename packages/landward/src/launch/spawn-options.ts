/** What `spawn` is told: the confinement, and how the process is started, fed, ended and told about. */

import { LandwardError } from '../errors.ts';
import type { DecideFunction, DecideOptions } from '../model/decide-request.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { Plan } from '../policy/plan.ts';
import type { PolicySource } from './compile.ts';
import type { Prepared } from './prepare.ts';
import type { ProgramSource } from './programs.ts';
import type { StdioOption } from './stdio.ts';
import type { Environment } from './variables.ts';

/** What to hold: a policy to compile now, or a plan made before. Exactly one of the two. */
export type Confinement =
  | { readonly policy: PolicySource; readonly plan?: undefined }
  | { readonly plan: Plan | Prepared | Promise<Plan>; readonly policy?: undefined };

export type SpawnOptions = Confinement & {
  readonly cwd?: string;
  /** The variables that the policy picks from; this process's own when absent. */
  readonly env?: Environment;
  /** `pipe` when absent. */
  readonly stdio?: StdioOption;
  /** Written to the program's standard input, which is then closed. */
  readonly input?: string | Uint8Array;
  readonly argv0?: string;
  /** Ends the program when it fires. */
  readonly signal?: AbortSignal;
  /** Time until the program is ended, milliseconds; the policy's own limit holds besides. */
  readonly timeout?: number;
  /** What a program is ended with; SIGTERM when absent. What is left `graceMs` later gets SIGKILL. */
  readonly killSignal?: NodeJS.Signals;
  /** Milliseconds between `killSignal` and SIGKILL; 5000 when absent. */
  readonly graceMs?: number;
  /** Whether piped output is collected in the result; yes when absent. Otherwise read the streams. */
  readonly capture?: boolean;
  /** Collected bytes a stream; 64 MiB when absent. More is read and dropped, and said so in the result. */
  readonly maxOutputBytes?: number;
  /** Hears of each kind of denial of a supervised run, when it is first met. What the kernel denies is not told. */
  readonly onDenial?: (denial: DenialEvent) => void;
  /**
   * Is asked about each request that the policy allows, besides the functions that come with the policy: it can refuse, and
   * allow nothing more. The program waits meanwhile. With a plan, the plan must have been compiled with `decides`.
   */
  readonly decide?: DecideFunction | DecideOptions;
  /**
   * Policy programs that are asked about each request that the policy allows: they can refuse, and allow nothing more. With a
   * plan, give them to `compile`.
   */
  readonly programs?: readonly ProgramSource[];
  /** Whether the promise rejects when the run failed; yes when absent. */
  readonly reject?: boolean;
};

/** Types say it too, but callers in JavaScript must not have one of two confinements dropped. */
export function refuseUnclear({ plan, policy, programs }: SpawnOptions): void {
  if (plan != null && programs !== undefined)
    throw new LandwardError('USAGE', 'Cannot add programs to a plan that was made without them', {
      fix: 'Give them to compile',
    });
  if ((plan == null) !== (policy == null)) return;
  const given = plan == null ? 'neither a policy nor a plan' : 'both a policy and a plan';
  throw new LandwardError('USAGE', `Cannot start a program with ${given}`, {
    fix: 'Give exactly one of them',
  });
}
