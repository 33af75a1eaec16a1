/**
 * A notified call: its arguments, its target, and the scope of the descriptors that handling it opens.
 *
 * Owns the scope. A call that is handed over takes its arguments with it, since the buffer serves the next ones.
 */

import { attempt } from '../kernel/call.ts';
import type { Inbox } from '../kernel/inbox.ts';
import { lingers } from '../kernel/linger.ts';
import { addFd, isPending } from '../kernel/notify.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import { type Answer, type Blocking, type Call, LATER, refuse } from './call.ts';
import type { Answers } from './functions/answers.ts';
import type { Patience } from './messages.ts';
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
  /** Closes a descriptor whose closing may take long; here where absent. */
  readonly closeLater?: (fd: number) => void;
  /** How long its calls wait for answers from outside; absent where nobody there is asked. */
  readonly patience?: Patience | undefined;
}

/** Where the arguments of a call lie: the inbox, until it gives the next ones, or a copy. */
type Arguments = Pick<Inbox, 'id' | 'tid' | 'arg' | 'big'>;

export class NotifiedCall implements Call {
  readonly run: Run;
  readonly id: bigint;
  readonly name: SyscallName;
  readonly target: Task;
  readonly listener: number;
  readonly answers: Answers | undefined;
  readonly #ground: CallGround;
  readonly #inbox: Arguments;
  readonly #entry: number;
  readonly #owned: number[] = [];
  #kept: readonly bigint[] | undefined;

  /** @param entry of the inbox, valid until the inbox gives the next ones */
  constructor(ground: CallGround, name: SyscallName, inbox: Arguments, entry: number, answers?: Answers) {
    const { run, listener, around } = ground;
    this.run = run;
    this.id = inbox.id(entry);
    this.name = name;
    this.listener = listener;
    this.target = new Task(inbox.tid(entry), around, this);
    this.answers = answers;
    this.#ground = ground;
    this.#inbox = inbox;
    this.#entry = entry;
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
    return fd >= this.ceiling ? refuse(ERRNO.ENFILE) : fd;
  }

  disown(fd: number): number {
    const at = this.#owned.indexOf(fd);
    if (at >= 0) this.#owned.splice(at, 1);
    return fd;
  }

  install(fd: number, cloexec: boolean): number {
    return addFd(this.listener, this.id, fd, { cloexec });
  }

  isPending(): boolean {
    return isPending(this.listener, this.id);
  }

  later(work: Blocking): Answer {
    this.#keep();
    this.#ground.handOver(this, work);
    return LATER;
  }

  /** Descriptors from here on are not held for programs. */
  get ceiling(): number {
    return this.#ground.around.ceiling;
  }

  /** How long it waits for answers from outside, milliseconds. */
  get patience(): Patience {
    return this.#ground.patience ?? { decide: 0, ask: 0 };
  }

  /** The same call to be handled from the beginning: nothing that this one has looked at is known to it. */
  again(answers: Answers): NotifiedCall {
    const kept = this.#keep();
    const { id, target } = this;
    const copy: Arguments = {
      id: () => id,
      tid: () => target.tid,
      arg: (_, index) => Number(kept[index]!),
      big: (_, index) => kept[index]!,
    };
    return new NotifiedCall(this.#ground, this.name, copy, 0, answers);
  }

  #keep(): readonly bigint[] {
    this.#kept ??= Array.from({ length: ARGS }, (_, index) => this.#inbox.big(this.#entry, index));
    return this.#kept;
  }

  /** Ends the scope: closes what the call still owns. */
  close(): void {
    const { closeLater } = this.#ground;
    // Where the target has closed its own meanwhile this is the last one, which waits as the socket says.
    for (const fd of this.#owned)
      if (closeLater !== undefined && lingers(fd)) closeLater(fd);
      else attempt('close', fd);
    this.#owned.length = 0;
  }
}
