/**
 * The deciding thread's loop: waits for calls of any run and for messages, handles one at a time, never returns to the
 * event loop of Node.
 *
 * Owns the runs of this thread. Where a run loses its last process, its state goes; where this thread ends, all of its runs
 * are ended first.
 */

import { attempt } from '../kernel/call.ts';
import { native } from '../kernel/native.ts';
import { indexRules, type RuleIndex } from '../model/decide-rules.ts';
import { ERRNO } from '../uapi/errno.ts';
import { authorityOf } from './authority-of.ts';
import type { Blocking, CallTable } from './call.ts';
import { byNumber, decide, give } from './dispatch.ts';
import type { FromWorker, StartOrder, ToWorker } from './messages.ts';
import { Notifications, WORD } from './notification.ts';
import { NotifiedCall } from './notified.ts';
import { Reports } from './reports.ts';
import type { SupervisedPlan } from './run.ts';
import { startWaiting } from './starting.ts';
import { LiveRun } from './state.ts';
import { idTag, killMembers } from './tag.ts';
import { Surroundings } from './target/task.ts';

const POLL = { IN: 1, ERR: 8, HUP: 16, bytes: 8 } as const;

const NO_TIME = new BigInt64Array(2);

/** The way to the main thread. */
export interface Main {
  post(message: FromWorker): void;
  /** The next message, if one is there. */
  next(): ToWorker | undefined;
}

interface Supervised {
  readonly run: LiveRun;
  readonly notifications: Notifications;
  readonly reports: Reports;
}

export class Loop {
  readonly #plan: SupervisedPlan;
  readonly #index: RuleIndex;
  readonly #wake: number;
  readonly #main: Main;
  readonly #around = new Surroundings();
  readonly #handlers;
  #runs: readonly Supervised[] = [];
  #polled = new Int32Array(2);
  readonly #handed: { readonly call: NotifiedCall; readonly work: Blocking }[] = [];
  #over = false;

  /** @param wake an eventfd that is written to when there is a message */
  constructor(plan: SupervisedPlan, table: CallTable, wake: number, main: Main) {
    this.#plan = plan;
    this.#index = indexRules(plan.layers);
    this.#wake = wake;
    this.#main = main;
    this.#handlers = byNumber(plan.arch, table);
    this.#arrange([]);
  }

  /** Runs until it is told to end. */
  run(): void {
    try {
      while (!this.#over) this.#turn();
    } finally {
      for (const supervised of this.#runs) {
        killMembers(idTag(supervised.run.id));
        this.#drop(supervised);
      }
    }
  }

  #turn(): void {
    this.#blocked();
    const wait = this.#handed.length === 0 ? null : NO_TIME;
    const ready = attempt('ppoll', this.#polled, this.#polled.length / 2, wait, null, 0);
    if (ready <= 0) return;
    const runs = this.#runs;
    const polled = this.#polled;
    for (let index = 0; index < runs.length; index++) {
      const events = polled[2 * index + 3]! >>> 16;
      if ((events & POLL.IN) !== 0) this.#serve(runs[index]!);
      else if ((events & (POLL.HUP | POLL.ERR)) !== 0) this.#end(runs[index]!);
    }
    if (polled[1]! >>> 16 !== 0) this.#listen();
  }

  #serve({ run, notifications }: Supervised): void {
    // ENOENT: the target died between the wake-up and here. Everything else shows again in the next round.
    if (notifications.receive() !== 0) return;
    const { words } = notifications;
    const row = this.#handlers[words[WORD.nr]!];
    if (row === undefined) {
      notifications.answer(notifications.id, 0, ERRNO.EPERM);
      return;
    }
    const call = new NotifiedCall(run, row.name, notifications, this.#around, this.#handOver);
    give(call, decide(call, row.handle, this.#broken));
  }

  readonly #handOver = (call: NotifiedCall, work: Blocking): void => {
    this.#handed.push({ call, work });
  };

  /** Runs what was handed over. A work whose finish hands over again waits for the next round. */
  #blocked(): void {
    for (const { call, work } of this.#handed.splice(0)) {
      const applied = native().apply(work.image.bytes);
      give(
        call,
        decide(call, () => work.finish(applied), this.#broken),
      );
    }
  }

  readonly #broken = (call: NotifiedCall, error: unknown): void => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#main.post({ kind: 'broken', message: `${call.name}: ${message}` });
  };

  #listen(): void {
    attempt('read', this.#wake, new BigUint64Array(1), 8);
    for (let message = this.#main.next(); message !== undefined; message = this.#main.next()) {
      switch (message.kind) {
        case 'start':
          this.#start(message);
          break;
        case 'flush':
          this.#flush(message.run, message.serial);
          break;
        case 'kill':
          killMembers(idTag(message.run));
          break;
        case 'end':
          this.#over = true;
      }
    }
  }

  #start(order: StartOrder): void {
    const { run: id } = order;
    const started = startWaiting(order);
    if ('errno' in started) {
      this.#main.post({ kind: 'not-started', run: id, step: started.step, errno: started.errno });
      return;
    }
    const reports = new Reports((events) => this.#main.post({ kind: 'events', run: id, events }));
    const ears = {
      report: reports.add.bind(reports),
      kill: (reason: string) => {
        this.#main.post({ kind: 'killed', run: id, reason });
        killMembers(idTag(id));
      },
    };
    const run = new LiveRun(id, this.#plan, this.#index, ears, authorityOf);
    this.#arrange([...this.#runs, { run, notifications: new Notifications(started.listener), reports }]);
    started.go();
    this.#main.post({ kind: 'started', run: id, pid: started.pid, pidfd: started.pidfd });
  }

  #flush(run: string, serial: number): void {
    const dropped = this.#runs.find((one) => one.run.id === run)?.reports.dropped ?? 0;
    this.#main.post({ kind: 'flushed', run, serial, dropped });
  }

  /** No task of the run is left. */
  #end(supervised: Supervised): void {
    this.#arrange(this.#runs.filter((one) => one !== supervised));
    this.#drop(supervised);
    this.#main.post({ kind: 'over', run: supervised.run.id, dropped: supervised.reports.dropped });
  }

  #drop({ run, notifications }: Supervised): void {
    run[Symbol.dispose]();
    attempt('close', notifications.listener);
  }

  /** Lays out what is waited for: the wake-up first, then a listener for each run. */
  #arrange(runs: readonly Supervised[]): void {
    this.#runs = runs;
    const fds = [this.#wake, ...runs.map(({ notifications }) => notifications.listener)];
    this.#polled = Int32Array.from(fds.flatMap((fd) => [fd, POLL.IN]));
  }
}
