/**
 * Staying beside a command: for plans that need a process that lives as long (a time limit, a cgroup, a supervisor). The parent is
 * transparent: same terminal, same process group, signals handed on, stops when the command stops, same exit status.
 *
 * A signal that the terminal sends reaches the command by itself, since both are in one group, so only what was meant
 * for this process alone is handed on. Where this process is killed, the command dies with it (its own children, which
 * nobody holds then, may not).
 */

import { setTimeout as pause } from 'node:timers/promises';
import { attempt, call } from '../kernel/call.ts';
import { type Ended, signalPidfd, waitPidfd, watchPidfd } from '../kernel/process.ts';
import { foregroundGroup } from '../kernel/tty.ts';
import { PR } from '../uapi/prctl.ts';
import { begin } from './begin.ts';
import { joinCgroup } from './cgroup.ts';
import type { Deciding } from './deciding.ts';
import { startTimer } from './endings.ts';
import { openFilesBefore } from './exec.ts';
import type { Prepared } from './prepare.ts';
import type { Denials } from './result.ts';
import type { RunOrigin } from './run-record.ts';
import { SIGNALS } from './signals.ts';
import { childrenOf, groupOf, isStopped, isZombie, send, Tree } from './tree.ts';

/** Signals for this process that mean the command. */
const FORWARDED = [
  'SIGTERM',
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGWINCH',
  'SIGURG',
  'SIGIO',
  'SIGPWR',
] as const;
/** Signals that the keyboard sends to the whole foreground group. */
const KEYBOARD = ['SIGINT', 'SIGQUIT', 'SIGTSTP'] as const;

/** How a command ended under a parent that stayed. */
export interface Stayed {
  /** The exit status to end with: the command's, or 128 + n after signal n. */
  readonly status: number;
  readonly timedOut: boolean;
  /** Processes that could not be ended although the time limit means them too. */
  readonly left: readonly number[];
  /** What is known of denials. */
  readonly denials: Denials;
  /** How many processes the command had left running under a supervisor; they were ended. */
  readonly outlived: number;
  /** Why a supervisor has ended everything, where it did. */
  readonly killed: readonly string[];
  /** Why the registry does not have all of the run, if it does not. */
  readonly trouble: unknown;
}

/**
 * Runs a command to its end, on this process's own descriptors 0, 1 and 2.
 *
 * @param origin what the registry keeps of a supervised run
 * @param deciding the function that decides, where there is one
 * @throws LandwardError when it cannot be started
 */
export async function stay(
  command: string,
  args: readonly string[],
  prepared: Prepared,
  origin?: Pick<RunOrigin, 'words' | 'files'>,
  deciding?: Deciding,
): Promise<Stayed> {
  const { plan } = prepared;
  // What loses its parent comes to this process instead of init, so that a time limit finds all of it.
  call('adopt orphans', 'prctl', PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const signals = new Signals();
  const cgroup = joinCgroup(plan);
  try {
    const options = {
      stdio: [0, 1, 2],
      group: false,
      handedOn: true,
      cgroupProcs: cgroup?.procs,
      parentDeathSignal: SIGNALS.SIGKILL!,
      openFiles: openFilesBefore(),
      deciding,
    } as const;
    const { pid, pidfd, supervised } = await begin(command, args, prepared, options, undefined, origin);
    prepared.close();
    signals.handTo(pid, pidfd, supervised?.guard);
    let timedOut = false;
    const { timeMs } = plan.limits;
    const timer =
      timeMs === undefined
        ? undefined
        : startTimer(timeMs, () => {
            timedOut = true;
            signals.ending = true;
            cgroup?.kill();
            supervised?.kill();
            void endAll(supervised?.guard);
          });
    const ended = await new Promise<Ended>((resolve) =>
      watchPidfd(pidfd, () => resolve(waitPidfd(pidfd, { block: true })!)),
    );
    timer?.[Symbol.dispose]();
    // A limit on time is for all that the command started: nothing may outlive it.
    signals.ending = true;
    const finished = await supervised?.finish(ended);
    const left = timeMs === undefined ? [] : await endAll(supervised?.guard);
    const status = ended.code ?? 128 + ended.signal!;
    return {
      status,
      timedOut,
      left,
      denials: finished?.denials ?? 'unknown',
      outlived: finished?.left.length ?? 0,
      killed: supervised?.killed ?? [],
      trouble: finished?.trouble,
    };
  } finally {
    cgroup?.remove();
  }
}

/** What this process does with signals: everything is the command's. Those that come before there is one wait for it. */
class Signals {
  /** Set when everything is being ended: what stops then is stopped by this process, which must not follow. */
  ending = false;
  readonly #early: NodeJS.Signals[] = [];
  #hand = (signal: NodeJS.Signals): void => {
    this.#early.push(signal);
  };

  constructor() {
    for (const signal of FORWARDED) process.on(signal, () => this.#hand(signal));
    for (const signal of KEYBOARD)
      process.on(signal, () => {
        if (!fromKeyboard()) this.#hand(signal);
      });
  }

  handTo(pid: number, pidfd: number, guard: number | undefined): void {
    this.#hand = (signal) => void signalPidfd(pidfd, SIGNALS[signal]!);
    for (const signal of this.#early.splice(0)) this.#hand(signal);
    followStops(pid, guard, () => this.ending);
  }
}

/** Stops when the command stops, as a shell's job control wants it, and wakes what was stopped with it. */
function followStops(pid: number, guard: number | undefined, ending: () => boolean): void {
  const below = new Tree(process.pid, false, undefined, guard);
  let frozen: readonly number[] = [];
  const look = () => {
    for (const child of childrenOf(process.pid))
      if (child !== pid && child !== guard && isZombie(child)) attempt('wait4', child, null, WNOHANG, null);
    if (ending() || !isStopped(pid)) return;
    // While this process is stopped nobody counts the time, so nothing inside may run on and wake the command.
    frozen = [...frozen, ...below.freeze()];
    process.kill(process.pid, 'SIGSTOP');
  };
  process.on('SIGCHLD', look);
  process.on('SIGCONT', () => {
    for (const child of frozen) send(child, 'SIGCONT');
    frozen = [];
  });
  look();
}

const WNOHANG = 1;

/** How long ending everything may take, milliseconds: a process that waits for a device dies later, or never. */
const END_MS = 10_000;

/**
 * Ends everything below this process. What loses its parent comes here, so a program that goes on forking and ending is found
 * again in the next round.
 *
 * @returns what is still there when the time is over
 */
async function endAll(guard: number | undefined): Promise<readonly number[]> {
  const end = performance.now() + END_MS;
  for (;;) {
    const children = childrenOf(process.pid).filter((child) => child !== guard);
    // At once, before anything is looked at: one that hops from process to process must not gain time.
    for (const child of children) send(child, 'SIGSTOP');
    for (const child of children) new Tree(child, false).kill();
    const left = childrenOf(process.pid).filter((child) => child !== guard && !isZombie(child));
    if (left.length === 0 || performance.now() > end) return left;
    await pause(1);
  }
}

/** Whether a keyboard signal went to the whole group: the terminal's foreground group is this one. */
function fromKeyboard(): boolean {
  const own = groupOf(process.pid);
  return [0, 1, 2].some((fd) => foregroundGroup(fd) === own);
}
