/**
 * A supervised run from its start to its end: collects its denials, and ends what its program left running, since nobody
 * would answer that any more.
 *
 * Owns no stream and does not wait for the program itself.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { DenialEvent } from '../model/denial.ts';
import { idTag, membersOf, signalMembers } from '../supervisor/tag.ts';
import type { Prepared } from './prepare.ts';
import type { SupervisedDenials } from './result.ts';
import { SIGNALS } from './signals.ts';
import type { Started, StartOptions } from './start.ts';
import { type SupervisedStart, startSupervised } from './supervised.ts';

/** How long what a program left running may take to end after SIGTERM, milliseconds. */
const GRACE_MS = 2000;
const LOOK_MS = 20;

export interface SupervisedRun {
  readonly started: Started;
  /** The run's id. */
  readonly run: string;
  /** Landward's own process beside this one, which must outlive it: not to be ended or stopped. */
  readonly guard: number;
  /** Why the supervisor has ended the tree, where it did. */
  readonly killed: readonly string[];
  /** Ends every process of the run at once. @returns true: nothing else has to be looked for */
  kill(): boolean;
  /** Sends a signal to every process of the run. */
  signal(signal: NodeJS.Signals): void;
  /**
   * Ends what is left of the run after its program has ended: with SIGTERM, and SIGKILL two seconds later.
   *
   * @returns the denials of the whole run, and the processes that the program had left
   */
  finish(): Promise<{ readonly denials: SupervisedDenials; readonly left: readonly number[] }>;
}

/**
 * Starts a program under a supervisor.
 *
 * @param onDenial hears of each kind of denial when it is first met
 * @throws as `startSupervised`
 */
export async function superviseRun(
  command: string,
  args: readonly string[],
  prepared: Prepared,
  options: StartOptions,
  onDenial?: (denial: DenialEvent) => void,
): Promise<SupervisedRun> {
  const events: DenialEvent[] = [];
  const killed: string[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const start: SupervisedStart = await startSupervised(command, args, prepared, options, {
    denied(more) {
      events.push(...more);
      if (onDenial !== undefined) for (const event of more) onDenial(event);
    },
    killed: (reason) => void killed.push(reason),
    over: resolve,
  });
  const { supervisor, run } = start;
  const tag = idTag(run);
  return {
    started: start,
    run,
    guard: start.guard,
    killed,
    kill() {
      supervisor.kill(run);
      return true;
    },
    signal: (signal) => void signalMembers(tag, SIGNALS[signal]!),
    async finish() {
      const left = membersOf(tag);
      if (left.length > 0) await endLeft(tag);
      supervisor.kill(run);
      await over;
      return {
        denials: { known: 'supervised calls', kernel: 'unknown', events, more: start.dropped() },
        left,
      };
    },
  };
}

async function endLeft(tag: bigint): Promise<void> {
  signalMembers(tag, SIGNALS.SIGTERM!);
  // A stopped process takes no signal but this one.
  signalMembers(tag, SIGNALS.SIGCONT!);
  for (let waited = 0; waited < GRACE_MS && membersOf(tag).length > 0; waited += LOOK_MS)
    await pause(LOOK_MS);
}
