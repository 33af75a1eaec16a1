/**
 * Everything that a deciding thread waits for, as entries of one ring: notified calls, wake-ups from other threads, the ends
 * of jobs. Jobs are images that may block (opening a FIFO, starting a process), applied by threads that inherit the
 * identity and the Landlock domain of the thread that opened the inbox.
 *
 * Owns the reading of entries. While nobody reads for a millisecond a second thread receives, since a call can be interrupted
 * by a signal until it is received. Drops nothing: a full ring lets targets wait.
 */

import { EFD } from '../uapi/open.ts';
import { attempt, call, refusal } from './call.ts';
import type { Image } from './image.ts';
import { ENTRY, JOB, native } from './native.ts';

/** What an entry is. */
export type EntryKind = 'notification' | 'hungup' | 'failed' | 'wake' | 'job';

const KINDS: readonly (EntryKind | undefined)[] = [
  undefined,
  'notification',
  'hungup',
  'failed',
  'wake',
  'job',
];

/** How a job ended: the failed step and its errno (-1 and 0 when all ran), the process that it started, the last result. */
export interface JobEnd {
  readonly job: number;
  readonly step: number;
  readonly errno: number;
  readonly pid: number;
  readonly pidfd: number;
  readonly result: number;
}

export interface JobOptions {
  /** The image ends in execve and is applied in a new process; the job ends at the execve. */
  readonly spawn?: boolean;
  /** With `spawn`: its thread lives until the process has ended, which PR_SET_PDEATHSIG in the image counts on. */
  readonly keep?: boolean;
  /** The image changes the thread (identity, umask): it is used for nothing else afterwards. */
  readonly once?: boolean;
}

export interface InboxOptions {
  /** How many entries may wait, a power of two. */
  readonly entries?: number;
  /** How many jobs may block at once. */
  readonly threads?: number;
  /** An eventfd of the caller for wake-ups, instead of one of the inbox. */
  readonly wakeFd?: number;
}

const BATCH = 32;
const FIELDS = { id: 8, tid: 16, nr: 24, arch: 28, args: 40 } as const;

/**
 * An inbox. Only the thread that opened it uses it; `wakeFd` is for all.
 *
 * @example
 * const inbox = new Inbox();
 * inbox.add(listener, 1);
 * for (let count = inbox.next(250); count >= 0; count = inbox.next(250))
 *   for (let i = 0; i < count; i++)
 *     if (inbox.kind(i) === 'notification') sendErrno(listener, inbox.id(i), ERRNO.EPERM);
 */
export class Inbox {
  /** An eventfd: eight bytes written by any thread or child become an entry `wake`. */
  readonly wakeFd: number;
  readonly #ownsWake: boolean;
  readonly #handle: object;
  readonly #bytes = new Uint8Array(ENTRY.bytes * BATCH);
  readonly #view = new DataView(this.#bytes.buffer);

  /** @throws {KernelError} where there are no descriptors or threads */
  constructor(options: InboxOptions = {}) {
    this.#ownsWake = options.wakeFd === undefined;
    this.wakeFd = options.wakeFd ?? call('make an eventfd', 'eventfd2', 0, EFD.CLOEXEC | EFD.NONBLOCK);
    const handle = native().inboxOpen(options.entries ?? 1024, options.threads ?? 4096, this.wakeFd);
    if (typeof handle === 'number') {
      if (this.#ownsWake) attempt('close', this.wakeFd);
      throw refusal('receive from supervised programs', 'clone', -handle);
    }
    this.#handle = handle;
  }

  /**
   * Receives from a listener from now on. The descriptor stays the caller's, and open until an entry `hungup` (no task is
   * left) or `failed` with this key.
   *
   * @param key 32 bits that come back with every entry of this listener
   * @returns 0 or `-errno`
   */
  add(listener: number, key: number): number {
    return native().inboxAdd(this.#handle, listener, key);
  }

  /**
   * Waits for entries. They are valid until the next call.
   *
   * @param timeoutMs how long to wait for the first; a thread that waits in here can neither be terminated nor run timers
   * @returns how many there are, which can be 0 before the time is over
   */
  next(timeoutMs: number): number {
    return native().inboxNext(this.#handle, this.#bytes, timeoutMs);
  }

  kind(entry: number): EntryKind {
    return KINDS[this.#view.getUint32(entry * ENTRY.bytes + ENTRY.kind, true)]!;
  }

  /** The key of the listener. */
  key(entry: number): number {
    return this.#view.getUint32(entry * ENTRY.bytes + ENTRY.key, true);
  }

  /** The kernel's identifier of a notification. */
  id(entry: number): bigint {
    return this.#view.getBigUint64(entry * ENTRY.bytes + FIELDS.id, true);
  }

  tid(entry: number): number {
    return this.#view.getInt32(entry * ENTRY.bytes + FIELDS.tid, true);
  }

  /** The number of the call. */
  nr(entry: number): number {
    return this.#view.getInt32(entry * ENTRY.bytes + FIELDS.nr, true);
  }

  /** The `AUDIT_ARCH` of the call. */
  arch(entry: number): number {
    return this.#view.getUint32(entry * ENTRY.bytes + FIELDS.arch, true);
  }

  /** An argument as an unsigned number; not exact above 2^53, where no address or size is. */
  arg(entry: number, index: number): number {
    const at = entry * ENTRY.bytes + FIELDS.args + index * 8;
    return this.#view.getUint32(at + 4, true) * 0x1_0000_0000 + this.#view.getUint32(at, true);
  }

  big(entry: number, index: number): bigint {
    return this.#view.getBigUint64(entry * ENTRY.bytes + FIELDS.args + index * 8, true);
  }

  /** Why receiving from a listener has failed. */
  errno(entry: number): number {
    return this.#view.getInt32(entry * ENTRY.bytes + ENTRY.error, true);
  }

  job(entry: number): JobEnd {
    const at = entry * ENTRY.bytes;
    const { step, error, pid, pidfd, result } = ENTRY.outcome;
    return {
      job: this.key(entry),
      step: this.#view.getInt32(at + step, true),
      errno: this.#view.getInt32(at + error, true),
      pid: this.#view.getInt32(at + pid, true),
      pidfd: this.#view.getInt32(at + pidfd, true),
      result: Number(this.#view.getBigInt64(at + result, true)),
    };
  }

  /**
   * Queues a copy of an image. Its end is an entry `job`, with errno EAGAIN where no thread could be had.
   *
   * @returns the number of the job, or `-errno`
   */
  submit(image: Image, { spawn = false, keep = false, once = false }: JobOptions = {}): number {
    const flags = (spawn ? JOB.SPAWN : 0) | (keep ? JOB.KEEP : 0) | (once ? JOB.ONCE : 0);
    return native().inboxSubmit(this.#handle, image.bytes, flags);
  }

  /** Copies what a job's image is now (its slots, structures that the kernel has filled) into that image. */
  peek(job: number, image: Image): boolean {
    return native().inboxPeek(this.#handle, job, image.bytes) === 0;
  }

  /** Frees a job that has ended; to be called once for each. */
  forget(job: number): void {
    native().inboxForget(this.#handle, job);
  }

  /**
   * Ends a job early: its blocking call fails with EINTR, one that nobody has begun ends with ECANCELED, a process that is
   * being started is killed. The entry `job` comes in any case.
   */
  cancel(job: number): void {
    native().inboxCancel(this.#handle, job);
  }

  /** Ends the threads. Listeners stay open: they are the caller's. */
  close(): void {
    native().inboxClose(this.#handle);
    if (this.#ownsWake) attempt('close', this.wakeFd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
