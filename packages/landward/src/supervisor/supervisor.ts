/**
 * The main thread's side of a deciding Worker: opens it, starts runs, hears of their denials, ends them.
 *
 * Owns the Worker and its runs. When this process ends, by whatever way it can still notice, they are ended first.
 */

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { LandwardError } from '../errors.ts';
import { attempt, call } from '../kernel/call.ts';
import type { DenialEvent } from '../model/denial.ts';
import { EFD } from '../uapi/open.ts';
import { workerModule } from './entry.ts';
import type { FromWorker, StartOrder, ToWorker, WorkerSetup } from './messages.ts';
import type { NameService } from './names/service.ts';
import type { RuleUse, SupervisedPlan } from './run.ts';
import { idTag, killMembers } from './tag.ts';

const WORKER_FILES = ['worker.ts', 'worker.js', 'supervisor-worker.cjs'];

/** What a run tells while it lives. */
export interface RunListener {
  /** Denials of a new kind. */
  denied(events: readonly DenialEvent[]): void;
  /** Why calls were refused that no rule denies; `defect` where that is a defect of landward. */
  noted(text: string, defect: boolean): void;
  /** The supervisor has ended the tree, for this reason. */
  killed(reason: string): void;
  /** No process of the run is left. */
  over(uses: readonly RuleUse[]): void;
}

/** A start that the kernel refused: the index of the step in the image. */
export interface StartRefusal {
  readonly step: number;
  readonly errno: number;
}

export interface StartedRun {
  readonly pid: number;
  /** The caller's to close. */
  readonly pidfd: number;
  /** Denials that were not told one by one; complete once the run is over. */
  dropped(): number;
}

export interface SupervisorOptions {
  /** A ruleset with which the Worker restricts itself, `null` for none; the caller's to close afterwards. */
  readonly floor: number | null;
  /** The Worker's module; landward's own when absent, another one to supervise with other handlers. */
  readonly entry?: string | undefined;
  /** The name server of the plan; ended with the Worker. */
  readonly names?: NameService | undefined;
}

interface Entry {
  readonly listener: RunListener;
  readonly started: (result: StartedRun | StartRefusal) => void;
  readonly flushes: Map<number, () => void>;
  dropped: number;
}

export class Supervisor {
  /** When it was last asked for, by `performance.now`. */
  lastUsed = performance.now();
  readonly #port: MessagePort;
  readonly #wake: number;
  readonly #names: AsyncDisposable | undefined;
  readonly #runs = new Map<string, Entry>();
  readonly #onExit = () => this.#endAll();
  #serial = 0;
  #defects: string[] = [];
  #gone = false;

  private constructor(worker: Worker, port: MessagePort, wake: number, names: AsyncDisposable | undefined) {
    this.#names = names;
    this.#port = port;
    this.#wake = wake;
    port.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('exit', () => this.#lost());
    worker.on('error', (error) => {
      this.#defects.push(String((error as Error).stack ?? error));
      this.#lost();
    });
    worker.unref();
    port.unref();
    process.on('exit', this.#onExit);
  }

  /**
   * Opens a Worker for a plan; ready when this resolves.
   *
   * @throws {LandwardError} SUPERVISOR where the Worker cannot be made
   */
  static async open(plan: SupervisedPlan, options: SupervisorOptions): Promise<Supervisor> {
    const { floor, names, entry = workerModule(import.meta.dirname, WORKER_FILES) } = options;
    const wake = call('make an eventfd', 'eventfd2', 0, EFD.CLOEXEC | EFD.NONBLOCK);
    const { port1, port2 } = new MessageChannel();
    const setup: WorkerSetup = { plan, floor, wake, port: port2, names: names?.handle };
    const worker = new Worker(entry, {
      workerData: setup,
      transferList: [port2, ...(names?.transfer ?? [])],
      // Options of this process (an inspector, modules to load first) are not the Worker's.
      execArgv: [],
    });
    await new Promise<void>((ready, refuse) => {
      const fail = (cause: unknown) => {
        attempt('close', wake);
        const message = cause instanceof Error ? cause.message : String(cause);
        refuse(new LandwardError('SUPERVISOR', `The supervisor cannot be made: ${message}`, { cause }));
      };
      worker.once('error', fail);
      worker.once('exit', (code) => fail(`its thread ended with ${code}`));
      port1.once('message', () => {
        worker.removeAllListeners();
        ready();
      });
    });
    return new Supervisor(worker, port1, wake, names);
  }

  /** The eventfd that a child writes to once it has told its listener. */
  get wake(): number {
    return this.#wake;
  }

  /** Defects of handlers that were met; each was a denial for the target. */
  get defects(): readonly string[] {
    return this.#defects;
  }

  /** Whether it has no runs at the moment. */
  get idle(): boolean {
    return this.#runs.size === 0;
  }

  /** Whether the Worker is gone: nothing can be started here any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Starts a run. @returns the process, or the step that the kernel refused */
  start(order: Omit<StartOrder, 'kind'>, listener: RunListener): Promise<StartedRun | StartRefusal> {
    return new Promise((started) => {
      this.#runs.set(order.run, { listener, started, flushes: new Map(), dropped: 0 });
      this.#port.ref();
      this.#send({ kind: 'start', ...order });
    });
  }

  /** Resolves once every denial that the run has met so far was told. @returns how many more were not told one by one */
  async flush(run: string): Promise<number> {
    const entry = this.#runs.get(run);
    if (entry === undefined || this.#gone) return entry?.dropped ?? 0;
    const serial = ++this.#serial;
    await new Promise<void>((done) => {
      entry.flushes.set(serial, done);
      this.#send({ kind: 'flush', run, serial });
    });
    return entry.dropped;
  }

  /** Ends every process of a run at once. */
  kill(run: string): void {
    killMembers(idTag(run));
  }

  /** Ends every run, for a reason that each is told. */
  endRuns(reason: string): void {
    for (const [run, { listener }] of this.#runs) {
      listener.killed(reason);
      killMembers(idTag(run));
    }
  }

  /** Ends the runs and the Worker. */
  close(): void {
    this.#endAll();
    process.off('exit', this.#onExit);
  }

  #endAll(): void {
    if (this.#gone) return;
    for (const run of this.#runs.keys()) killMembers(idTag(run));
    this.#send({ kind: 'end' });
  }

  #send(message: ToWorker): void {
    this.#port.postMessage(message);
    attempt('write', this.#wake, new BigUint64Array([1n]), 8);
  }

  #hear(message: FromWorker): void {
    if (message.kind === 'ready' || message.kind === 'layered') return;
    const entry = this.#runs.get(message.run);
    if (entry === undefined) return;
    switch (message.kind) {
      case 'started':
        entry.started({ pid: message.pid, pidfd: message.pidfd, dropped: () => entry.dropped });
        break;
      case 'not-started':
        this.#forget(message.run);
        entry.started({ step: message.step, errno: message.errno });
        break;
      case 'events':
        entry.listener.denied(message.events);
        break;
      case 'flushed':
        entry.dropped = message.dropped;
        entry.flushes.get(message.serial)?.();
        entry.flushes.delete(message.serial);
        break;
      case 'noted':
        if (message.defect) this.#defects.push(message.text);
        entry.listener.noted(message.text, message.defect);
        break;
      case 'decide':
        // Nobody decides for this run: an answer that never comes would be a call that never ends.
        this.#send({ kind: 'decided', ticket: message.ticket, verdict: 'deny' });
        break;
      case 'killed':
        entry.listener.killed(message.reason);
        break;
      case 'over':
        entry.dropped = message.dropped;
        this.#forget(message.run);
        entry.listener.over(message.uses);
    }
  }

  #forget(run: string): void {
    const entry = this.#runs.get(run);
    this.#runs.delete(run);
    for (const done of entry?.flushes.values() ?? []) done();
    if (this.#runs.size === 0) this.#port.unref();
  }

  /** The Worker has ended, for whatever reason: nobody answers any more, so nothing may go on. */
  #lost(): void {
    if (this.#gone) return;
    this.#gone = true;
    attempt('close', this.#wake);
    process.off('exit', this.#onExit);
    for (const [run, entry] of [...this.#runs]) {
      killMembers(idTag(run));
      entry.listener.killed('the supervisor ended');
      entry.started({ step: -1, errno: 0 });
      this.#forget(run);
      entry.listener.over([]);
    }
    this.#port.close();
    void this.#names?.[Symbol.asyncDispose]();
  }
}
