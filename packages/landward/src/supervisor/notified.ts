/**
 * A notified call: its arguments, its target, and the scope of the descriptors that handling it opens.
 *
 * Owns the scope. A call that is handed over takes its arguments with it, since the buffer serves the next one.
 */

import { attempt } from '../kernel/call.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import { type Answer, type Blocking, type Call, LATER } from './call.ts';
import { type Notifications, WORD } from './notification.ts';
import type { Run } from './run.ts';
import { type Surroundings, Task } from './target/task.ts';

const HIGH_WORD = 0x1_0000_0000;

/** Where a call hands blocking work to. */
export type HandOver = (call: NotifiedCall, work: Blocking) => void;

export class NotifiedCall implements Call {
  readonly run: Run;
  readonly id: bigint;
  readonly name: SyscallName;
  readonly target: Task;
  readonly notifications: Notifications;
  readonly #handOver: HandOver;
  readonly #owned: number[] = [];
  #words: Uint32Array;

  constructor(
    run: Run,
    name: SyscallName,
    notifications: Notifications,
    around: Surroundings,
    handOver: HandOver,
  ) {
    this.run = run;
    this.id = notifications.id;
    this.name = name;
    this.notifications = notifications;
    this.#words = notifications.words;
    this.#handOver = handOver;
    this.target = new Task(notifications.words[WORD.tid]!, around, this);
  }

  arg(index: number): number {
    const at = WORD.args + 2 * index;
    return this.#words[at]! + this.#words[at + 1]! * HIGH_WORD;
  }

  int(index: number): number {
    return this.#words[WORD.args + 2 * index]! | 0;
  }

  uint(index: number): number {
    return this.#words[WORD.args + 2 * index]!;
  }

  big(index: number): bigint {
    const at = WORD.args + 2 * index;
    return BigInt(this.#words[at]!) | (BigInt(this.#words[at + 1]!) << 32n);
  }

  own(fd: number): number {
    if (fd >= 0) this.#owned.push(fd);
    return fd;
  }

  disown(fd: number): number {
    const at = this.#owned.indexOf(fd);
    if (at >= 0) this.#owned.splice(at, 1);
    return fd;
  }

  isPending(): boolean {
    return this.notifications.isPending(this.id);
  }

  later(work: Blocking): Answer {
    this.#words = this.#words.slice();
    this.#handOver(this, work);
    return LATER;
  }

  /** Ends the scope: closes what the call still owns. */
  close(): void {
    for (const fd of this.#owned) attempt('close', fd);
    this.#owned.length = 0;
  }
}
