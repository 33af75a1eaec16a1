/**
 * The main thread's side of a deciding Worker: opens it, starts runs, hears of their denials, ends them.
 *
 * Owns the Worker and its runs. When this process ends, by whatever way it can still notice, they are ended first.
 */

import type { MessagePort } from 'node:worker_threads';
import { attempt } from '../kernel/call.ts';
import { Answers } from './answers.ts';
import { hearRun, type RunEntry } from './hear-run.ts';
import { LayerHistory } from './layer-history.ts';
import type { FromWorker, LayerAnswered, LayerOrder, RunQuestion, StartOrder, ToWorker } from './messages.ts';
import { type OpenedWorker, openWorker } from './open-worker.ts';
import type { SupervisedPlan } from './run.ts';
import type { RunListener, StartedRun, StartRefusal, SupervisorOptions } from './run-listener.ts';
import { idTag, killMembers } from './tag.ts';

export type { RunListener, StartedRun, StartRefusal, SupervisorOptions };

export class Supervisor {
  /** When it was last asked for, by `performance.now`. */
  lastUsed = performance.now();
  readonly plan: SupervisedPlan;
  readonly #port: MessagePort;
  readonly #wake: number;
  readonly #names: AsyncDisposable | undefined;
  readonly #runs = new Map<string, RunEntry>();
  readonly #onExit = () => this.#endAll();
  readonly #told = new Answers<unknown>();
  readonly #layered = new Answers<LayerAnswered>();
  readonly #history = new LayerHistory();
  readonly #idle: (() => void)[] = [];
  #serial = 0;
  #defects: string[] = [];
  #gone = false;

  private constructor(
    plan: SupervisedPlan,
    { worker, port, wake }: OpenedWorker,
    names: AsyncDisposable | undefined,
  ) {
    this.plan = plan;
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
    return new Supervisor(plan, await openWorker(plan, options), options.names);
  }

  /** The eventfd that a child writes to once it has told its listener. */
  get wake(): number {
    return this.#wake;
  }

  /** Defects of handlers that were met; each was a denial for the target. */
  get defects(): readonly string[] {
    return this.#defects;
  }

  /** Calls back once, when no run is left. */
  whenIdle(then: () => void): void {
    if (this.idle) then();
    else this.#idle.push(then);
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
    for (const change of this.#history.changes) listener.layered?.(change);
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

  /**
   * Asks the Worker about a run.
   *
   * @throws {LandwardError} SUPERVISOR where it has ended
   */
  ask(run: string, about: RunQuestion): Promise<unknown> {
    return this.#told.ask((serial) => this.#send({ kind: 'ask', serial, run, about }));
  }

  /**
   * Has the layers of this Worker's sandbox changed.
   *
   * @throws {LandwardError} SUPERVISOR where it has ended
   */
  order(order: LayerOrder): Promise<LayerAnswered> {
    // Without runs nothing else keeps this process waiting for the answer.
    this.#port.ref();
    return this.#layered.ask((serial) => this.#send({ kind: 'layer', serial, order }));
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
    if (message.kind === 'ready') return;
    if (message.kind === 'layered') {
      this.#changed(message.serial, message.answered);
      return;
    }
    if (message.kind === 'told') {
      this.#told.heard(message.serial, message.told);
      return;
    }
    const entry = this.#runs.get(message.run);
    if (entry === undefined) return;
    hearRun(entry, message, {
      forget: () => this.#forget(message.run),
      defect: (text) => this.#defects.push(text),
      send: (answer) => this.#gone || this.#send(answer),
    });
  }

  #changed(serial: number, answered: LayerAnswered): void {
    const change = this.#history.take(answered);
    if (change !== undefined) for (const { listener } of this.#runs.values()) listener.layered?.(change);
    this.#layered.heard(serial, answered);
    this.#rest();
  }

  /** Keeps this process waiting no longer, where nothing is to come. */
  #rest(): void {
    if (this.#runs.size === 0 && !this.#layered.owes) this.#port.unref();
  }

  #forget(run: string): void {
    const entry = this.#runs.get(run);
    this.#runs.delete(run);
    for (const done of entry?.flushes.values() ?? []) done();
    if (this.#runs.size > 0) return;
    this.#rest();
    for (const then of this.#idle.splice(0)) setImmediate(then);
  }

  /** The Worker has ended, for whatever reason: nobody answers any more, so nothing may go on. */
  #lost(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#told.end();
    this.#layered.end();
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
