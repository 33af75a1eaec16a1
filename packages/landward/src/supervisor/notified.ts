/**
 * A notified call: its arguments, its target, and the scope of the descriptors that handling it opens.
 *
 * Owns the scope. A call that is handed over takes its arguments with it, since the buffer serves the next ones.
 */

import { attempt } from '../kernel/call.ts';
import type { Inbox } from '../kernel/inbox.ts';
import { isPending } from '../kernel/notify.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import { type Answer, type Blocking, type Call, LATER, refuse } from './call.ts';
import type { Run } from './run.ts';
import type { Targets } from './target/targets.ts';
import { Task } from './target/task.ts';

const ARGS = 6;
const LOW_WORD = 0xffff_ffffn;

/** Where a call hands blocking work to. */
export type HandOver = (call: NotifiedCall, work: Blocking) => void;

/** What all calls of a run have in common. */
export interface CallGround {
  readonly run: Run;
  readonly listener: number;
  readonly around: Targets;
  readonly handOver: HandOver;
}

export class NotifiedCall implements Call {
  readonly run: Run;
  readonly id: bigint;
  readonly name: SyscallName;
  readonly target: Task;
  readonly listener: number;
  readonly #ceiling: number;
  readonly #inbox: Inbox;
  readonly #entry: number;
  readonly #handOver: HandOver;
  readonly #owned: number[] = [];
  #kept: readonly bigint[] | undefined;

  /** @param entry of the inbox, valid until the inbox gives the next ones */
  constructor(
    { run, listener, around, handOver }: CallGround,
    name: SyscallName,
    inbox: Inbox,
    entry: number,
  ) {
    this.run = run;
    this.id = inbox.id(entry);
    this.name = name;
    this.listener = listener;
    this.target = new Task(inbox.tid(entry), around, this);
    this.#ceiling = around.ceiling;
    this.#inbox = inbox;
    this.#entry = entry;
    this.#handOver = handOver;
  }

  arg(index: number): number {
    return this.#kept === undefined ? this.#inbox.arg(this.#entry, index) : Number(this.#kept[index]!);
  }

  int(index: number): number {
    return this.uint(index) | 0;
  }

  uint(index: number): number {
    return Number(this.big(index) & LOW_WORD);
  }

  big(index: number): bigint {
    return this.#kept === undefined ? this.#inbox.big(this.#entry, index) : this.#kept[index]!;
  }

  own(fd: number): number {
    if (fd >= 0) this.#owned.push(fd);
    // Descriptors are numbered from below: what is left belongs to this process. Closed with the call.
    return fd >= this.#ceiling ? refuse(ERRNO.ENFILE) : fd;
  }

  disown(fd: number): number {
    const at = this.#owned.indexOf(fd);
    if (at >= 0) this.#owned.splice(at, 1);
    return fd;
  }

  isPending(): boolean {
    return isPending(this.listener, this.id);
  }

  later(work: Blocking): Answer {
    this.#kept ??= Array.from({ length: ARGS }, (_, index) => this.#inbox.big(this.#entry, index));
    this.#handOver(this, work);
    return LATER;
  }

  /** Ends the scope: closes what the call still owns. */
  close(): void {
    for (const fd of this.#owned) attempt('close', fd);
    this.#owned.length = 0;
  }
}
