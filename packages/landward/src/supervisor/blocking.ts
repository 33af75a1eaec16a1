/**
 * Work that other threads do for calls, until it ends or its target has something better to do: a target that dies, or that
 * gets a signal, ends it with EINTR.
 *
 * Owns who waits for what, and the looking at signals, since the kernel tells nobody of them.
 */

import { ARCH, attempt } from '../kernel/call.ts';
import { ImageBuilder } from '../kernel/image.ts';
import type { Inbox, JobEnd } from '../kernel/inbox.ts';
import { lingerNoMore } from '../kernel/linger.ts';
import { ERRNO } from '../uapi/errno.ts';
import { type Answer, type Blocking, refuse } from './call.ts';
import type { CallGround, NotifiedCall } from './notified.ts';
import { hasSignal } from './target/status.ts';

/** How often targets that wait are looked at, milliseconds, and how much longer for each of them. */
const LOOK = { every: 40, each: 0.2 } as const;

interface Waiting {
  readonly call: NotifiedCall;
  readonly work: Blocking;
}

/** How many descriptors a call may hold while it waits, and the one that it waits for. */
const DESCRIPTORS = 4;
/** How many sockets may linger here at a time. */
const LINGERING = 256;

export class BlockingWork {
  readonly #inbox: Inbox;
  readonly #most: number;
  readonly #jobs = new Map<number, Waiting>();
  readonly #closing = new Set<number>();
  #looked = 0;

  /** @param ceiling how many descriptors all calls together may hold */
  constructor(inbox: Inbox, ceiling: number) {
    this.#inbox = inbox;
    this.#most = Math.floor(ceiling / DESCRIPTORS);
  }

  /** What calls do with this. */
  get ways(): Pick<CallGround, 'handOver' | 'closeLater'> {
    return { handOver: (call, work) => this.begin(call, work), closeLater: (fd) => this.close(fd) };
  }

  /** Hands a call over. @throws {Refused} where there is no thread or descriptor left */
  begin(call: NotifiedCall, work: Blocking): void {
    if (this.#jobs.size >= this.#most) refuse(ERRNO.ENFILE);
    const job = this.#inbox.submit(work.image, work.once === true ? { once: true } : {});
    if (job < 0) refuse(-job);
    this.#jobs.set(job, { call, work });
  }

  /** Closes a socket that may linger, on another thread; where there is none, its data is left to the kernel. */
  close(fd: number): void {
    const build = new ImageBuilder(ARCH);
    build.step('close', [fd], 'close', { okErrno: 'any' });
    const job = this.#closing.size < LINGERING ? this.#inbox.submit(build.build()) : -ERRNO.EAGAIN;
    if (job >= 0) {
      this.#closing.add(job);
      return;
    }
    lingerNoMore(fd);
    attempt('close', fd);
  }

  /** How long this thread may sleep before targets must be looked at, milliseconds. */
  get patience(): number {
    return this.#jobs.size === 0 ? Number.POSITIVE_INFINITY : LOOK.every + this.#jobs.size * LOOK.each;
  }

  /** Ends the work of targets that are gone or have a signal to take. */
  look(): void {
    const now = performance.now();
    if (this.#jobs.size === 0 || now - this.#looked < this.patience) return;
    this.#looked = now;
    for (const [job, { call }] of this.#jobs)
      if (!call.isPending() || hasSignal(call.target.tid)) this.#inbox.cancel(job);
  }

  /** The call of a job that has ended, with what makes its answer; `undefined` where the job is not of this kind. */
  ended(end: JobEnd): { readonly call: NotifiedCall; readonly finish: () => Answer } | undefined {
    if (this.#closing.delete(end.job)) this.#inbox.forget(end.job);
    const found = this.#jobs.get(end.job);
    if (found === undefined) return undefined;
    this.#jobs.delete(end.job);
    this.#inbox.peek(end.job, found.work.image);
    this.#inbox.forget(end.job);
    const { step } = end;
    // Work that nobody had begun when a signal ended it was interrupted, as its target sees it.
    const errno = end.errno === ERRNO.ECANCELED ? ERRNO.EINTR : end.errno;
    return { call: found.call, finish: () => found.work.finish({ step, errno }) };
  }

  /** Ends all work of a run. Its calls have nobody left to answer. */
  drop(run: string): void {
    for (const [job, { call }] of this.#jobs) if (call.run.id === run) this.#inbox.cancel(job);
  }
}
