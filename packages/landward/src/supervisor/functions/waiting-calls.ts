/**
 * Calls that wait for an answer from outside of the deciding thread, which goes on meanwhile: each is parked without
 * anything open but the objects that it asked about, and handled again from the beginning once it is answered.
 *
 * Owns who waits and how long. No answer in time, too many that wait, and too many questions of one call are denials. A
 * thread that is gone is forgotten; who waits for a person can be interrupted by a signal.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { type Answer, LATER } from '../call.ts';
import { decide, give } from '../dispatch.ts';
import type { Decided, FromWorker } from '../messages.ts';
import type { NotifiedCall } from '../notified.ts';
import { interruption } from '../sockets/waiting.ts';
import { readProc } from '../target/proc.ts';
import { hasSignal } from '../target/status.ts';
import { Answers } from './answers.ts';
import { type Asked, type Given, Pending } from './pending.ts';

/** Calls of one run that may wait at once, and that many more whose answers have come too late. */
const MOST = 256;
/** Descriptors that one call may hold, so that all of them leave room for others. */
const DESCRIPTORS = 16;
/** Questions of one call, such as a signal to a group or a program and its interpreters. */
const MOST_QUESTIONS = 64;
/** How often threads that wait are looked at, milliseconds, and how much longer for each of them. */
const LOOK = { every: 40, each: 0.2 } as const;

type Handle = (call: NotifiedCall) => Answer;

interface Waiting {
  readonly call: NotifiedCall;
  readonly handle: Handle;
  readonly asked: Asked;
  readonly answers: Answers;
  deadline: number;
  person: boolean;
  /** The answer to an interrupted call, until it is begun anew. */
  given?: Given;
}

export class WaitingCalls {
  readonly #post: (message: FromWorker) => void;
  readonly #broken: (call: NotifiedCall, error: unknown) => void;
  readonly #waiting = new Map<number, Waiting>();
  /** Calls that a signal has ended while a person was asked: one that is begun anew goes on waiting for that answer. */
  readonly #interrupted = new Map<number, Waiting>();
  /** The run of every question that was not answered, whether or not anybody still waits. */
  readonly #open = new Map<number, string>();
  #tickets = 0;
  #looked = 0;

  constructor(post: (message: FromWorker) => void, broken: (call: NotifiedCall, error: unknown) => void) {
    this.#post = post;
    this.#broken = broken;
  }

  /** Handles a call and gives its answer, or parks it. */
  serve(call: NotifiedCall, handle: Handle): void {
    let pending: Pending | undefined;
    const answer = decide(
      call,
      (one) => {
        try {
          return handle(one);
        } catch (error) {
          if (!(error instanceof Pending)) throw error;
          pending = error;
          return LATER;
        }
      },
      this.#broken,
    );
    if (pending === undefined) {
      call.answers?.close();
      give(call, answer);
    } else this.#park(call, handle, pending.asked);
  }

  #park(call: NotifiedCall, handle: Handle, asked: Asked): void {
    const answers = call.answers ?? new Answers();
    if (answers.count > MOST_QUESTIONS) {
      answers.close();
      this.#broken(call, new Error('more questions than one call may raise'));
      give(call, { kind: 'errno', errno: ERRNO.EPERM });
      return;
    }
    const earlier = this.#earlier(call, asked);
    const refused = this.#refusal(call, answers, asked, earlier === undefined ? 0 : 1);
    const next = call.again(answers);
    call.close();
    if (refused !== undefined) {
      answers.add(asked.key, { verdict: 'deny', by: refused });
      this.serve(next, handle);
      return;
    }
    if (earlier !== undefined) {
      const [ticket, { deadline, given, answers: held }] = earlier;
      this.#interrupted.delete(ticket);
      held.close();
      if (given !== undefined) {
        this.#open.delete(ticket);
        answers.add(asked.key, given);
        this.serve(next, handle);
      } else this.#waiting.set(ticket, { call: next, handle, asked, answers, deadline, person: true });
      return;
    }
    const ticket = ++this.#tickets;
    const { run, patience } = next;
    const deadline = performance.now() + patience.decide;
    this.#waiting.set(ticket, { call: next, handle, asked, answers, deadline, person: false });
    this.#open.set(ticket, run.id);
    const { request, ask, key } = asked;
    this.#post({ kind: 'decide', run: run.id, ticket, request, ask, key });
  }

  /** The question that the same thread has waited for with the same call until a signal came. Its objects are held since. */
  #earlier(call: NotifiedCall, { key }: Asked): [number, Waiting] | undefined {
    for (const [ticket, waiting] of this.#interrupted) {
      const { run, target, name } = waiting.call;
      if (
        run === call.run &&
        target.tid === call.target.tid &&
        name === call.name &&
        waiting.asked.key === key
      )
        return [ticket, waiting];
    }
    return undefined;
  }

  /** Why a question is not even asked. */
  #refusal(call: NotifiedCall, answers: Answers, { pins }: Asked, own: number): string | undefined {
    if (answers.count === MOST_QUESTIONS) return 'too many questions of one call';
    const most = Math.min(MOST, Math.floor(call.ceiling / DESCRIPTORS));
    const { id } = call.run;
    let open = -own;
    for (const run of this.#open.values()) if (run === id) open++;
    if (open >= most) return 'too many calls that wait for an answer';
    return answers.hold(pins, call.ceiling) ? undefined : 'no descriptors left';
  }

  /** Takes an answer: the call that waits for it, if one still does, is handled again. */
  heard({ ticket, verdict, by }: Decided): void {
    const waiting = this.#waiting.get(ticket);
    if (verdict !== 'ask') {
      const left = this.#interrupted.get(ticket);
      if (left !== undefined) {
        left.given = { verdict, by };
        return;
      }
      this.#open.delete(ticket);
      if (waiting !== undefined) this.#go(ticket, waiting, { verdict, by });
    } else if (waiting !== undefined && !waiting.person) {
      waiting.person = true;
      waiting.deadline = performance.now() + waiting.call.patience.ask;
    }
  }

  /** A thread begins its last call anew, and no other. */
  #interrupt(ticket: number, waiting: Waiting): void {
    const { tid } = waiting.call.target;
    for (const [other, { call }] of this.#interrupted) if (call.target.tid === tid) this.#forget(other);
    this.#interrupted.set(ticket, waiting);
  }

  /** Nothing is held for an interrupted call that does not come back. */
  #forget(ticket: number): void {
    const { call, answers, given } = this.#interrupted.get(ticket)!;
    answers.close();
    this.#interrupted.delete(ticket);
    if (given !== undefined) this.#open.delete(ticket);
    else this.#post({ kind: 'withdrawn', run: call.run.id, ticket });
  }

  #go(ticket: number, waiting: Waiting, given: Given): void {
    const { call, handle, asked, answers } = waiting;
    this.#waiting.delete(ticket);
    if (call.isPending()) {
      answers.add(asked.key, given);
      this.serve(call, handle);
    } else answers.close();
  }

  /** How long this thread may sleep before those that wait must be looked at, milliseconds. */
  get patience(): number {
    const count = this.#waiting.size + this.#interrupted.size;
    return count === 0 ? Number.POSITIVE_INFINITY : LOOK.every + count * LOOK.each;
  }

  /** Denies what has waited too long, and forgets threads that are gone or have a signal to take. */
  look(): void {
    const now = performance.now();
    if (now - this.#looked < this.patience) return;
    this.#looked = now;
    for (const [ticket, { call, deadline, given }] of this.#interrupted)
      if (isGone(call.target.tid) || (given !== undefined && now >= deadline)) this.#forget(ticket);
    for (const [ticket, waiting] of this.#waiting) {
      const { call, answers } = waiting;
      if (!call.isPending()) {
        this.#waiting.delete(ticket);
        answers.close();
        this.#post({ kind: 'withdrawn', run: call.run.id, ticket });
      } else if (now >= waiting.deadline) {
        this.#go(ticket, waiting, { verdict: 'deny', by: 'no answer in time' });
      } else if (waiting.person && hasSignal(call.target.tid)) {
        this.#waiting.delete(ticket);
        this.#interrupt(ticket, waiting);
        give(
          call,
          decide(call, (one) => interruption(one, false), this.#broken),
        );
      }
    }
  }

  /** Forgets a run. Its calls have nobody left to answer. */
  drop(run: string): void {
    for (const [ticket, { call, answers }] of this.#waiting) {
      if (call.run.id !== run) continue;
      this.#waiting.delete(ticket);
      answers.close();
    }
    for (const [ticket, { call }] of this.#interrupted) if (call.run.id === run) this.#forget(ticket);
    for (const [ticket, one] of this.#open) if (one === run) this.#open.delete(ticket);
  }
}

function isGone(tid: number): boolean {
  return readProc(`/proc/${tid}/comm`, 16) === null;
}
