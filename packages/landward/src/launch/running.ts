/**
 * A program that was started from Node: its streams, the promise of its result, abort, timeout.
 *
 * Owns the life of one process from the start to the last byte of its output. What is allowed is the plan's business,
 * how a start is laid out is `steps.ts`.
 */

import type { Readable, Writable } from 'node:stream';
import { LandwardError } from '../errors.ts';
import { attempt } from '../kernel/call.ts';
import { type Ended, signalPidfd, waitPidfd, watchPidfd } from '../kernel/process.ts';
import type { Plan } from '../policy/plan.ts';
import { type Begun, begin } from './begin.ts';
import { Capture } from './capture.ts';
import { joinCgroup, type RunCgroup } from './cgroup.ts';
import type { PolicySource } from './compile.ts';
import { armEndings } from './endings.ts';
import { isPrepared } from './exec.ts';
import { type Prepared, prepare } from './prepare.ts';
import { type Result, type RunError, refusalOf, runError, startFailure } from './result.ts';
import { SIGNALS, signalName } from './signals.ts';
import { refuseUnclear, type SpawnOptions } from './spawn-options.ts';
import { openStdio, type Stdio, stdioItems } from './stdio.ts';
import type { Finished } from './supervised-run.ts';
import { Tree } from './tree.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** How long a stream may stay open after the whole tree was killed, milliseconds. */
const LINGER_MS = 1000;

/** A program that is being started, runs or has ended. */
export class Running implements PromiseLike<Result> {
  /** The program's standard input, where it is a pipe. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Resolves with the process id once the program runs; rejects as the result does when it cannot be started. */
  readonly started: Promise<number>;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #options: SpawnOptions;
  readonly #stdio: Stdio;
  readonly #captures: readonly [Capture | null, Capture | null];
  readonly #result: Promise<Result>;
  readonly #timings = { compileMs: 0, prepareMs: 0, startMs: 0, runMs: 0 };
  readonly #causes = { timedOut: false, aborted: false, killed: false };
  #process: Begun | undefined;
  #finished: Finished | undefined;
  #plan: Plan | undefined;
  #tree: Tree | undefined;

  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.#command = command;
    this.#args = [...args];
    this.#options = options;
    this.#stdio = openStdio(stdioItems(options));
    ({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = this.#stdio);
    const limit = options.maxOutputBytes ?? MAX_OUTPUT_BYTES;
    const capture = (stream: Readable | null) =>
      stream === null || options.capture === false ? null : new Capture(stream, limit);
    this.#captures = [capture(this.stdout), capture(this.stderr)];
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.started = promise;
    // Whoever waits for the result hears of a failed start there; `started` is for those who ask.
    promise.catch(() => {});
    this.#result = this.#run(resolve, reject);
  }

  /** The process id, or `undefined` before the start and when nothing was started. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /**
   * Sends a signal to the program (not to its children).
   *
   * @returns whether the program was still there
   */
  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    if (this.#process === undefined || this.#process.pidfd < 0) return false;
    const there = signalPidfd(this.#process.pidfd, SIGNALS[signal] ?? 0);
    if (there) this.#causes.killed = true;
    return there;
  }

  // biome-ignore lint/suspicious/noThenProperty: a running program is awaited for its result
  then<A = Result, B = never>(
    fulfilled?: ((result: Result) => A | PromiseLike<A>) | null,
    rejected?: ((error: RunError) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#result.then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((error: RunError) => B | PromiseLike<B>) | null): Promise<Result | B> {
    return this.#result.catch(rejected);
  }

  finally(settled?: (() => void) | null): Promise<Result> {
    return this.#result.finally(settled);
  }

  async #run(started: (pid: number) => void, refused: (error: unknown) => void): Promise<Result> {
    let prepared: Prepared | undefined;
    let own = false;
    let cgroup: RunCgroup | undefined;
    try {
      this.#options.signal?.throwIfAborted();
      refuseUnclear(this.#options);
      const { plan, policy } = this.#options;
      const given =
        plan instanceof Promise ? await plan : (plan ?? (await this.#compile(policy as PolicySource)));
      this.#options.signal?.throwIfAborted();
      own = !isPrepared(given);
      prepared = isPrepared(given) ? given : prepare(given);
      this.#plan = prepared.plan;
      this.#timings.prepareMs = own ? prepared.prepareMs : 0;
      cgroup = joinCgroup(prepared.plan);
      const since = performance.now();
      const begun = this.#start(prepared, cgroup);
      this.#process = begun instanceof Promise ? await begun : begun;
      this.#timings.startMs = performance.now() - since;
      this.#tree = new Tree(this.#process.pid, this.#leadsGroup(), this.#process.supervised ?? cgroup);
    } catch (error) {
      this.#stdio.closeChildSide();
      this.#stdio.destroy();
      cgroup?.remove();
      if (this.#options.signal?.aborted) this.#causes.aborted = true;
      const failure = this.#failure(error);
      refused(failure);
      if (this.#options.reject !== false) throw failure;
      return this.#toResult(null, error);
    } finally {
      if (own) prepared?.close();
    }
    this.#stdio.closeChildSide();
    started(this.#process.pid);
    this.#feed();
    const ended = await this.#ended();
    cgroup?.remove();
    const result = this.#toResult(ended, null);
    if (result.failed && this.#options.reject !== false) throw runError(result);
    return result;
  }

  async #compile(policy: PolicySource): Promise<Plan> {
    const begin = performance.now();
    const { planFor } = await import('./spawn-plan.ts');
    const plan = await planFor(policy, this.#options);
    this.#timings.compileMs = performance.now() - begin;
    return plan;
  }

  #start(prepared: Prepared, cgroup: RunCgroup | undefined): Begun | Promise<Begun> {
    const { cwd, env, argv0, onDenial, policy, decide } = this.#options;
    const options = {
      cwd,
      env,
      argv0,
      stdio: this.#stdio.child,
      group: this.#leadsGroup(),
      cgroupProcs: cgroup?.procs,
      deciding: { policy, decide },
    };
    return begin(this.#command, this.#args, prepared, options, onDenial);
  }

  /** A program that shares the caller's standard input must stay in its group, or the terminal would stop it. */
  #leadsGroup(): boolean {
    return this.#stdio.child[0] !== 0;
  }

  #feed(): void {
    if (this.stdin === null || this.#options.input === undefined) return;
    // A program that does not read its input to the end is no failure.
    this.stdin.on('error', () => {});
    this.stdin.end(this.#options.input);
  }

  /** Waits for the process and then for the end of its output, with timeout and abort in between. */
  async #ended(): Promise<Ended> {
    const { pidfd } = this.#process!;
    const since = performance.now();
    const stop = armEndings(this.#tree!, this.#causes, this.#options, this.#plan!.limits.timeMs);
    try {
      await new Promise<void>((resolve) => watchPidfd(pidfd, resolve));
      const forced = this.#causes.timedOut || this.#causes.aborted;
      // Before the exit is taken, the number still belongs to the program, and so does its group. A time limit of the
      // policy is for all that the program started, so nothing may outlive it.
      if (forced || this.#plan!.limits.timeMs !== undefined) this.#tree!.kill();
      this.#timings.runMs = performance.now() - since;
      const ended = waitPidfd(pidfd, { block: true })!;
      await this.#drained(forced);
      this.#finished = await this.#process?.supervised?.finish(ended);
      return ended;
    } finally {
      stop();
      // Nobody reads it any more.
      this.stdin?.destroy();
      attempt('close', pidfd);
      this.#process = { ...this.#process!, pidfd: -1 };
    }
  }

  async #drained(forced: boolean): Promise<void> {
    const ends = this.#captures.map((capture) => capture?.ended);
    if (!forced) return void (await Promise.all(ends));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LINGER_MS);
    });
    await Promise.race([Promise.all(ends), late]);
    clearTimeout(timer);
    this.#stdio.destroy();
  }

  #failure(error: unknown): unknown {
    if (error instanceof LandwardError) return runError(this.#toResult(null, error), error);
    if (this.#causes.aborted) return runError(this.#toResult(null, null), error);
    return error;
  }

  #toResult(ended: Ended | null, failure: unknown): Result {
    const [stdout, stderr] = this.#captures;
    return {
      command: this.#command,
      args: this.#args,
      file: this.#process?.file ?? null,
      pid: this.#process?.pid ?? null,
      exitCode: ended?.code ?? null,
      signal: ended?.signal == null ? null : signalName(ended.signal),
      failed: ended?.code !== 0 || this.#causes.timedOut || this.#causes.aborted,
      started: ended !== null,
      startFailure: failure === null ? null : startFailure(failure),
      refusal: refusalOf(failure),
      ...this.#causes,
      outputTruncated: (stdout?.truncated ?? false) || (stderr?.truncated ?? false),
      stdout: stdout?.text() ?? null,
      stderr: stderr?.text() ?? null,
      denials: this.#finished?.denials ?? 'unknown',
      maps: this.#finished?.maps ?? [],
      gaps: this.#plan?.gaps ?? [],
      report: this.#plan?.report ?? null,
      timings: { ...this.#timings },
      usage:
        ended === null ? null : { userMs: ended.userSeconds * 1000, systemMs: ended.systemSeconds * 1000 },
    };
  }
}
