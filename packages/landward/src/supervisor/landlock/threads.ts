/**
 * Which domain each thread of a run has: a table of states, and a number for each that the kernel keeps with the thread.
 *
 * Owns the table, its numbers and their reuse. Nothing is remembered about a thread but what notices that its number was
 * taken away from outside.
 */

import { readdirSync } from 'node:fs';
import { type Credential, UNRESTRICTED } from '../../model/landlock/index.ts';
import { growsFrom, type ProgramDomain } from '../../model/programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { isOver } from '../tag.ts';
import { readProc } from '../target/proc.ts';
import { LAST_NUMBER, readNumber, writeNumber } from './thread-number.ts';

/** What a thread carries. Never changed; threads move from one to the next. */
export interface ThreadState {
  readonly credential: Credential;
  /** Whether the thread has asked for no_new_privs, whether or not the kernel has set it. */
  readonly noNewPrivs: boolean;
  /** The policy programs that the thread and its makers have put in front of their lists. */
  readonly programs: ProgramDomain | null;
}

const FREE: ThreadState = { credential: UNRESTRICTED, noNewPrivs: false, programs: null };
const KEPT_SIGHTINGS = 4096;

interface Sighting {
  readonly number: number;
  readonly start: string;
}

export class Threads {
  /** By number; the first is that of threads that never did anything with Landlock. */
  readonly #states: (ThreadState | undefined)[] = [FREE];
  readonly #seen = new Map<number, Sighting>();
  /** By process: the numbers of threads of it that were to execute. */
  readonly #executing = new Map<number, Set<number>>();
  readonly #members: () => readonly number[];
  readonly #lost: (reason: string) => void;

  /**
   * @param members the processes of the run
   * @param lost hears that a thread has lost its number: somebody outside has changed its I/O priority
   */
  constructor(members: () => readonly number[], lost: (reason: string) => void) {
    this.#members = members;
    this.#lost = lost;
  }

  /** The state of a thread of the run; `undefined` where there is no such thread. */
  of(tid: number): ThreadState | undefined {
    const number = readNumber(tid);
    if (number < 0) return undefined;
    const before = this.#seen.get(tid);
    const state = this.#states[number];
    if (before?.number === number && state !== undefined) return state;
    if (state === undefined) return this.#without(tid, `thread ${tid} has the mark ${number} of no domain`);
    if (
      before !== undefined &&
      !this.#follows(before, state) &&
      before.start === startOf(tid) &&
      this.#executing.get(tid)?.has(number) !== true
    ) {
      // The kernel drops the number of a thread that has ended, whose domain others may still ask about.
      if (isOver(tid)) return this.#states[before.number];
      return this.#without(tid, `thread ${tid} has lost the mark of its domain`);
    }
    if (number !== 0) this.#see(tid, number);
    return state;
  }

  /**
   * A thread is about to execute: the first thread of its process, whose number that thread then has, goes on with its state.
   */
  executes(tid: number, pid: number): void {
    if (tid === pid) return;
    const number = readNumber(tid);
    if (number < 0) return;
    if (this.#executing.size >= KEPT_SIGHTINGS) this.#executing.clear();
    this.#executing.set(pid, (this.#executing.get(pid) ?? new Set()).add(number));
  }

  /** Whether a thread that was in one state can have come to another by calls of its own process. */
  #follows(before: Sighting, now: ThreadState): boolean {
    const then = this.#states[before.number];
    if (then === undefined) return true;
    if (!growsFrom(now.programs, then.programs)) return false;
    if (then.credential.domain === null) return true;
    for (let node = now.credential.domain?.node ?? null; node !== null; node = node.parent)
      if (node === then.credential.domain.node) return true;
    return false;
  }

  #without(tid: number, reason: string): undefined {
    this.#seen.delete(tid);
    this.#lost(reason);
    return undefined;
  }

  #see(tid: number, number: number): void {
    if (this.#seen.size >= KEPT_SIGHTINGS) this.#seen.clear();
    this.#seen.set(tid, { number, start: startOf(tid) });
  }

  /**
   * Moves threads to a state.
   *
   * @returns 0, or the errno: no number is free, or the first thread is gone
   */
  move(tids: readonly number[], state: ThreadState): number {
    const number = this.#numberOf(state);
    if (number < 0) return -number;
    for (const [index, tid] of tids.entries()) {
      const written = writeNumber(tid, number);
      if (written === 0) this.#see(tid, number);
      // A sibling that has ended meanwhile needs no state.
      else if (index === 0) return -written;
    }
    return 0;
  }

  /** All states, by number. */
  all(): readonly (ThreadState | undefined)[] {
    return this.#states;
  }

  /** Takes over the states of an earlier supervisor, before any thread has one. */
  restore(states: readonly (ThreadState | undefined)[]): void {
    states.forEach((state, number) => {
      if (number > 0 && number <= LAST_NUMBER) this.#states[number] = state;
    });
  }

  /** The states that threads have, besides the first. */
  *inUse(): Iterable<ThreadState> {
    for (const state of this.#states.slice(1)) if (state !== undefined) yield state;
  }

  #numberOf(state: ThreadState): number {
    const same = this.#states.findIndex((other) => other !== undefined && isSame(other, state));
    if (same >= 0) return same;
    let number = this.#vacant();
    if (number < 0) {
      this.sweep();
      number = this.#vacant();
    }
    if (number > 0) this.#states[number] = state;
    return number;
  }

  #vacant(): number {
    const gap = this.#states.indexOf(undefined);
    if (gap > 0) return gap;
    return this.#states.length <= LAST_NUMBER ? this.#states.length : -ERRNO.ENOMEM;
  }

  /**
   * Frees the numbers that no thread carries. A number is free when two looks in a row at all threads have not seen it: a
   * thread that is being made has its maker's number, and its maker is seen.
   *
   * @returns the states that have ended
   */
  sweep(): readonly ThreadState[] {
    const used = new Set<number>();
    for (let look = 0; look < 2; look++)
      for (const pid of this.#members())
        for (const tid of threadsOf(pid)) {
          const number = readNumber(tid);
          if (number > 0) used.add(number);
        }
    const ended: ThreadState[] = [];
    this.#states.forEach((state, number) => {
      if (number === 0 || state === undefined || used.has(number)) return;
      ended.push(state);
      this.#states[number] = undefined;
    });
    if (ended.length > 0)
      for (const [tid, { number }] of this.#seen) if (!used.has(number)) this.#seen.delete(tid);
    return ended;
  }
}

function isSame(a: ThreadState, b: ThreadState): boolean {
  return (
    a.noNewPrivs === b.noNewPrivs && a.programs === b.programs && isSameCredential(a.credential, b.credential)
  );
}

/** Whether two credentials say the same; one number stands for all of them. */
export function isSameCredential(a: Credential, b: Credential): boolean {
  return a.domain === b.domain && a.subdomainsMuted === b.subdomainsMuted;
}

/** The threads of a process. */
export function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** When a thread began, in clock ticks: tells a thread from a later one with its number. */
function startOf(tid: number): string {
  const bytes = readProc(`/proc/${tid}/stat`, 1024);
  if (bytes === null) return '';
  const text = Buffer.from(bytes).toString('latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
