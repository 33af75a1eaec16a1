/**
 * The deciding thread's loop: takes calls of any run, messages and ends of jobs from one inbox, handles one at a time, never
 * returns to the event loop of Node.
 *
 * Owns the runs of this thread. Where a run loses its last process, its state goes; where this thread ends, all of its runs
 * are ended first.
 */

import { attempt } from '../kernel/call.ts';
import type { Inbox } from '../kernel/inbox.ts';
import { sendErrno } from '../kernel/notify.ts';
import { ERRNO } from '../uapi/errno.ts';
import { authorityOf } from './authority-of.ts';
import { BlockingWork } from './blocking.ts';
import { type CallTable, Unreadable } from './call.ts';
import { byNumber, decide, give } from './dispatch.ts';
import { earsOf } from './ears.ts';
import { WaitingCalls } from './functions/waiting-calls.ts';
import { type LayerChanges, LiveLayers } from './live-layers.ts';
import type { FromWorker, StartOrder, ToWorker } from './messages.ts';
import type { NameView } from './names/view.ts';
import { type CallGround, NotifiedCall } from './notified.ts';
import { programMaps } from './programs/run-programs.ts';
import type { Reports } from './reports.ts';
import type { SupervisedPlan } from './run.ts';
import { noteStart } from './sockets/made.ts';
import { Starting } from './starting.ts';
import { LiveRun } from './state.ts';
import { idTag, killMembers } from './tag.ts';
import { Surroundings } from './target/surroundings.ts';
import { Targets } from './target/targets.ts';
import { tell } from './tell.ts';
import { Ticks } from './ticks.ts';

/** How long this thread sleeps, milliseconds: Node cannot tell it to end, nor a child wake it whose calls it has to answer. */
const LONGEST_MS = { ever: 250, starting: 5 } as const;

/** The way to the main thread. */
export interface Main {
  post(message: FromWorker): void;
  /** The next message, if one is there. */
  next(): ToWorker | undefined;
}

/** What the loop works with. */
export interface LoopSetup {
  readonly plan: SupervisedPlan;
  readonly table: CallTable;
  readonly main: Main;
  readonly names?: NameView | undefined;
  readonly changes?: LayerChanges | undefined;
}

interface Supervised extends CallGround {
  readonly run: LiveRun;
  readonly reports: Reports;
}

export class Loop {
  readonly #plan: SupervisedPlan;
  readonly #layers: LiveLayers;
  readonly #main: Main;
  readonly #names: NameView | undefined;
  readonly #around = new Surroundings();
  readonly #handlers;
  readonly #ticks = new Ticks();
  readonly #waiting = new WaitingCalls(
    (message) => this.#main.post(message),
    (call, error) => this.#broken(call, error),
  );
  readonly #runs = new Map<number, Supervised>();
  readonly #starts = new Map<number, Starting>();
  readonly #overEarly = new Map<string, FromWorker>();
  #keys = 0;
  #over = false;

  constructor({ plan, table, main, names, changes }: LoopSetup) {
    this.#plan = plan;
    this.#layers = new LiveLayers(plan.layers, changes);
    this.#main = main;
    this.#names = names;
    if (plan.supervisor.restored !== undefined) names?.follow(this.#layers.layers);
    this.#handlers = byNumber(plan.arch, table);
  }

  /** Runs until it is told to end. */
  run(inbox: Inbox): void {
    const blocking = new BlockingWork(inbox, this.#around.ceiling);
    try {
      while (!this.#over) {
        const longest = LONGEST_MS[this.#starts.size > 0 ? 'starting' : 'ever'];
        const wait = Math.min(longest, this.#ticks.patience, blocking.patience, this.#waiting.patience);
        const count = inbox.next(Math.ceil(wait));
        for (let entry = 0; entry < count; entry++) this.#take(inbox, entry, blocking);
        for (const starting of this.#starts.values()) this.#supervise(inbox, starting, blocking);
        blocking.look();
        this.#waiting.look();
        this.#ticks.run();
      }
    } finally {
      for (const { run } of this.#runs.values()) killMembers(idTag(run.id));
      for (const supervised of this.#runs.values()) this.#drop(supervised, blocking);
    }
  }

  #take(inbox: Inbox, entry: number, blocking: BlockingWork): void {
    switch (inbox.kind(entry)) {
      case 'notification':
        this.#serve(inbox, entry);
        break;
      case 'wake':
        this.#listen(inbox);
        break;
      case 'job':
        this.#jobEnded(inbox, entry, blocking);
        break;
      case 'hungup':
      case 'failed':
        this.#end(inbox.key(entry), blocking);
    }
  }

  #serve(inbox: Inbox, entry: number): void {
    const supervised = this.#runs.get(inbox.key(entry));
    if (supervised === undefined) return;
    const row = this.#handlers[inbox.nr(entry)];
    if (row === undefined) {
      sendErrno(supervised.listener, inbox.id(entry), ERRNO.EPERM);
      return;
    }
    this.#waiting.serve(new NotifiedCall(supervised, row.name, inbox, entry), row.handle);
  }

  readonly #broken = (call: NotifiedCall, error: unknown): void => {
    const reports = [...this.#runs.values()].find(({ run }) => run === call.run)?.reports;
    if (error instanceof Unreadable) {
      const name = call.target.comm();
      reports?.note(`${name} cannot be looked into, so its calls are refused: it is not dumpable`, false);
      return;
    }
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    reports?.note(`${call.name}: ${message}`, true);
  };

  #jobEnded(inbox: Inbox, entry: number, blocking: BlockingWork): void {
    const end = inbox.job(entry);
    const starting = this.#starts.get(end.job);
    if (starting !== undefined) {
      this.#starts.delete(end.job);
      const { run } = starting;
      const result = starting.end(end);
      if (result.errno === undefined)
        this.#main.post({ kind: 'started', run, pid: result.pid, pidfd: result.pidfd });
      else this.#main.post({ kind: 'not-started', run, step: result.step, errno: result.errno });
      const over = this.#overEarly.get(run);
      this.#overEarly.delete(run);
      if (over !== undefined) this.#main.post(over);
      return;
    }
    const ended = blocking.ended(end);
    if (ended !== undefined) give(ended.call, decide(ended.call, ended.finish, this.#broken));
  }

  #listen(inbox: Inbox): void {
    for (let message = this.#main.next(); message !== undefined; message = this.#main.next()) {
      switch (message.kind) {
        case 'start':
          this.#start(inbox, message);
          break;
        case 'flush':
          this.#flush(message.run, message.serial);
          break;
        case 'kill':
          killMembers(idTag(message.run));
          break;
        case 'layer':
          this.#main.post(this.#layers.answer(message, (layers) => this.#names?.follow(layers)));
          break;
        case 'ask':
          this.#main.post(tell(message, this.#runs.values(), this.#layers));
          break;
        case 'decided':
          this.#waiting.heard(message);
          break;
        case 'end':
          this.#over = true;
      }
    }
  }

  #start(inbox: Inbox, order: StartOrder): void {
    const starting = new Starting(inbox, order);
    if (starting.job > 0) this.#starts.set(starting.job, starting);
    else this.#main.post({ kind: 'not-started', run: order.run, step: -1, errno: -starting.job });
  }

  #supervise(inbox: Inbox, starting: Starting, blocking: BlockingWork): void {
    const listener = starting.take();
    if (listener === undefined) return;
    const id = starting.run;
    const { reports, ears } = earsOf(id, starting.pid, this.#ticks, (message) => this.#main.post(message));
    const run = new LiveRun(id, this.#plan, this.#layers, ears, authorityOf, this.#names);
    const key = this.#keys++;
    const { supervisor, isSettled } = this.#plan;
    // Where new privileges are not given up, execve of a set-id file is a change of identity that nobody tells of.
    const tellsIdentity = supervisor.groups.includes('credential') && supervisor.landlock === undefined;
    const around = new Targets(this.#around, { tellsIdentity, isSettled });
    this.#runs.set(key, { run, listener, around, ...blocking.ways, reports, patience: starting.patience });
    noteStart(run, starting.pid);
    const added = inbox.add(listener, key);
    if (added === 0) {
      starting.go();
    } else {
      starting.abandon(-added);
      this.#end(key, blocking);
    }
  }

  #flush(run: string, serial: number): void {
    this.#names?.hear();
    const found = [...this.#runs.values()].find((one) => one.run.id === run);
    this.#main.post({ kind: 'flushed', run, serial, dropped: found?.reports.dropped ?? 0 });
  }

  /** No task of the run is left, or nobody can hear it any more. */
  #end(key: number, blocking: BlockingWork): void {
    const supervised = this.#runs.get(key);
    if (supervised === undefined) return;
    const { run, reports } = supervised;
    // Names that were refused just now are this run's last news.
    this.#names?.hear();
    this.#runs.delete(key);
    killMembers(idTag(run.id));
    const maps = programMaps(run);
    this.#drop(supervised, blocking);
    const told = { dropped: reports.dropped, uses: run.uses.list(), ...maps };
    const over = { kind: 'over', run: run.id, ...told } as const;
    // A short program can be over before its start is known to have gone well.
    if ([...this.#starts.values()].some((one) => one.run === run.id)) this.#overEarly.set(run.id, over);
    else this.#main.post(over);
  }

  #drop({ run, listener }: Supervised, blocking: BlockingWork): void {
    blocking.drop(run.id);
    this.#waiting.drop(run.id);
    run[Symbol.dispose]();
    attempt('close', listener);
  }
}
