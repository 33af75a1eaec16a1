/**
 * A supervised run from its start to its end: collects its denials, and ends what its program left running, since nobody
 * would answer that any more.
 *
 * Owns no stream and does not wait for the program itself.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Ended } from '../kernel/process.ts';
import type { DecideOptions } from '../model/decide-request.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { ProgramMaps } from '../model/programs/index.ts';
import type { Answer } from '../supervisor/functions/deciding-host.ts';
import { mayChange } from '../supervisor/may-change.ts';
import type { Question } from '../supervisor/messages.ts';
import type { RuleUse } from '../supervisor/rule-uses.ts';
import type { LayerChange, RunListener } from '../supervisor/run-listener.ts';
import { idTag, membersOf, signalMembers } from '../supervisor/tag.ts';
import { mustBeAsked, startFunctions } from './deciding.ts';
import type { Prepared } from './prepare.ts';
import { refusedByProgram } from './refused.ts';
import type { SupervisedDenials } from './result.ts';
import { type RunOrigin, type RunRecorder, recordRun } from './run-record.ts';
import { SIGNALS, signalName } from './signals.ts';
import type { Started, StartOptions } from './start.ts';
import { type SupervisedStart, startSupervised } from './supervised.ts';

/** How long what a program left running may take to end after SIGTERM, milliseconds. */
const GRACE_MS = 2000;
const LOOK_MS = 20;
/** How long the end of everything may take, milliseconds. */
const END_MS = 10_000;

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
   * @param how the program has ended
   */
  finish(how: Ended): Promise<Finished>;
}

/** A run that is over. */
export interface Finished {
  readonly denials: SupervisedDenials;
  /** The processes that the program had left. */
  readonly left: readonly number[];
  /** Why the registry does not have all of it, if it does not. */
  readonly trouble: unknown;
  /** What the maps of its policy programs held. */
  readonly maps: readonly ProgramMaps[];
}

/**
 * Starts a program under a supervisor.
 *
 * @param onDenial hears of each kind of denial when it is first met
 * @param origin what the registry keeps of where the run comes from
 * @throws as `startSupervised`
 */
export async function superviseRun(
  command: string,
  args: readonly string[],
  prepared: Prepared,
  options: StartOptions,
  onDenial?: (denial: DenialEvent) => void,
  origin: Pick<RunOrigin, 'words' | 'files'> = { words: [], files: [] },
): Promise<SupervisedRun> {
  const events: DenialEvent[] = [];
  const killed: string[] = [];
  const notes: string[] = [];
  const changes: LayerChange[] = [];
  let recorder: RunRecorder | undefined;
  let maps: readonly ProgramMaps[] = [];
  const { promise: over, resolve } = Promise.withResolvers<readonly RuleUse[]>();
  const functions = startFunctions(options.deciding);
  mustBeAsked(prepared.plan, functions);
  const note = (text: string) => void notes.push(text);
  const host = functions.length === 0 ? undefined : await hostOf(functions, note);
  const listener: RunListener = {
    ...host?.hears,
    denied(more) {
      events.push(...more);
      recorder?.denied(more);
      if (onDenial !== undefined) for (const event of more) onDenial(event);
    },
    layered(change) {
      changes.push(change);
      recorder?.layered(change);
    },
    noted: (text, defect) =>
      void notes.push(defect ? `a defect of landward, please report it: ${text}` : text),
    killed: (reason) => void killed.push(reason),
    over(uses, held = []) {
      maps = held;
      host?.end();
      resolve(uses);
    },
  };
  const start: SupervisedStart = await startSupervised(
    command,
    args,
    prepared,
    { ...options, ...host?.bounds },
    listener,
  ).catch((error) => {
    host?.end();
    throw refusedByProgram(error, events, notes);
  });
  const { supervisor, run, pid } = start;
  const from = { command: [command, ...args], cwd: options.cwd ?? process.cwd(), ...origin };
  recorder = recordRun(run, pid, prepared.plan, from);
  for (const change of changes) recorder.layered(change);
  if (events.length > 0) recorder.denied(events);
  const tag = idTag(run);
  const control = isControlled(prepared.plan)
    ? (await import('./control/of-run.ts')).controlOf({
        run,
        plan: prepared.plan,
        supervisor,
        stem: recorder.stem,
        note,
      })
    : undefined;
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
    async finish({ code, signal }) {
      const left = membersOf(tag);
      if (left.length > 0) await endLeft(tag);
      supervisor.kill(run);
      // A process that waits for a device dies later, or never.
      const uses = await Promise.race([over, pause(END_MS, [], { ref: false })]);
      control?.[Symbol.dispose]();
      recorder.used(uses, prepared.plan);
      recorder.ended(signal === null ? { status: code ?? 0 } : { signal: signalName(signal) });
      const denials = {
        known: 'supervised calls',
        kernel: 'unknown',
        events,
        more: start.dropped(),
        notes,
      } as const;
      return { denials, left, trouble: recorder.trouble, maps };
    },
  };
}

/** Whether the owner of a run can ask or change anything from outside. */
function isControlled({ layers, supervisor }: Prepared['plan']): boolean {
  return supervisor !== null && (supervisor.landlock !== undefined || mayChange({ layers, supervisor }));
}

/** Loaded for runs with functions only. */
async function hostOf(functions: readonly DecideOptions[], note: (text: string) => void) {
  const { DecidingHost, patienceOf } = await import('../supervisor/functions/deciding-host.ts');
  const host = new DecidingHost(functions, note);
  return {
    bounds: { patience: patienceOf(functions) },
    hears: {
      decide: (question: Question, answer: Answer) => void host.question(question, answer),
      withdrawn: (ticket: number) => host.withdraw(ticket),
    },
    end: () => host[Symbol.dispose](),
  };
}

async function endLeft(tag: bigint): Promise<void> {
  signalMembers(tag, SIGNALS.SIGTERM!);
  // A stopped process takes no signal but this one.
  signalMembers(tag, SIGNALS.SIGCONT!);
  for (let waited = 0; waited < GRACE_MS && membersOf(tag).length > 0; waited += LOOK_MS)
    await pause(LOOK_MS);
}
