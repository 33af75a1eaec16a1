/**
 * A notified call as its handler sees it, and what a handler may answer.
 *
 * Owns the contract between the loop and the handlers. One call is handled at a time on the deciding thread; a handler
 * runs to its answer without waiting. What could block (a FIFO, a connect) is handed over with `later`.
 *
 * The rule of every handler: nothing is decided on memory or descriptors that the target can still change. Arguments are
 * copied once, objects are pinned once, the decision and the act are on the copy and the pin.
 */

import type { Image } from '../kernel/image.ts';
import type { Applied } from '../kernel/native.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import type { Answers } from './functions/answers.ts';
import type { Run } from './run.ts';
import type { Target } from './target.ts';

/** A notified call. Valid until its answer is given; then its scope is closed. */
export interface Call {
  readonly run: Run;
  /** The kernel's identifier of the notification. */
  readonly id: bigint;
  readonly name: SyscallName;
  readonly target: Target;
  /** What functions and persons have answered to earlier runs of this call; absent in its first. */
  readonly answers?: Answers | undefined;
  /** An argument as an unsigned number; exact for everything that user space can mean by an address or a size. */
  arg(index: number): number;
  /** An argument as the kernel reads an `int`. */
  int(index: number): number;
  /** An argument as the kernel reads an `unsigned int`. */
  uint(index: number): number;
  big(index: number): bigint;
  /** Makes a descriptor of this process live as long as the call. Negative values (`-errno`) pass through. */
  own(fd: number): number;
  /** Takes a descriptor out of the call's scope: the caller's to close. */
  disown(fd: number): number;
  /** Puts a descriptor of this process into the target. @returns its number there, or `-errno` */
  install(fd: number, cloexec: boolean): number;
  /** Whether the call is still waiting: false once the target has died or was interrupted. */
  isPending(): boolean;
  /**
   * Hands what could block to another thread, which is bounded as this one is. The call and its scope stay valid until
   * `finish`, which runs on the deciding thread; a target that dies or gets a signal ends the work with EINTR.
   *
   * @returns `LATER`
   */
  later(work: Blocking): Answer;
}

/** System calls that may block, and what their results mean. */
export interface Blocking {
  /** The steps to run; must be this work's own, since it lives as long. */
  readonly image: Image;
  /** Whether the steps change the thread (identity, umask), which then serves nobody else. */
  readonly once?: boolean;
  /** Makes the answer, or hands over again. EINTR where the target has died or has a signal to take. Descriptors that the steps have made are the call's to own. */
  finish(applied: Applied): Answer;
}

/** What becomes of a call. */
export type Answer =
  /** The kernel runs it. Only after a decision on registers alone, or where whatever memory says is allowed. */
  | { readonly kind: 'continue' }
  | { readonly kind: 'errno'; readonly errno: number }
  | { readonly kind: 'value'; readonly value: number }
  /** A descriptor of this process (owned by the call) is put into the target; its number there is the result. */
  | { readonly kind: 'fd'; readonly fd: number; readonly cloexec: boolean }
  /** Somebody has taken the call over and answers its identifier. */
  | { readonly kind: 'later' };

export const CONTINUE: Answer = { kind: 'continue' };
export const LATER: Answer = { kind: 'later' };
/** Success with the result 0. */
export const DONE: Answer = { kind: 'value', value: 0 };

/** An answer from the result of a system call made for the target: a value, or an error from `-errno`. */
export function outcome(result: number): Answer {
  return result < 0 ? { kind: 'errno', errno: -result } : { kind: 'value', value: result };
}

/**
 * Ends a handler with an error for the target. No `Error`: it is thrown thousands of times a second, and nobody reads
 * a stack.
 */
export class Refused {
  readonly errno: number;

  constructor(errno: number) {
    this.errno = errno;
  }
}

/** A target that cannot be looked into: its call is denied, and a person is told why. */
export class Unreadable extends Refused {}

/** Ends the handler: the call fails with this errno. */
export function refuse(errno: number): never {
  throw new Refused(errno);
}

/** A result that must not be an error: the value, or the handler ends with its errno. */
export function must(result: number): number {
  return result < 0 ? refuse(-result) : result;
}

export type Handler = (call: Call) => Answer;

/** How a call is held, and what remains: a row of the table that docs publish. */
export interface CallRow {
  readonly handle: Handler;
  /**
   * `emulated`: the supervisor performs it on its own copies. `registers`: decided on registers, then the kernel runs it.
   * `verified`: runs, and is checked afterwards. `refused`: never allowed while a policy speaks of it.
   */
  readonly held: 'emulated' | 'registers' | 'verified' | 'refused';
  /** What differs from the kernel's own behaviour, in one sentence; empty where nothing does. */
  readonly residual: string;
}

/** Handlers by call; each call belongs to one table. */
export type CallTable = Partial<Record<SyscallName, CallRow>>;
