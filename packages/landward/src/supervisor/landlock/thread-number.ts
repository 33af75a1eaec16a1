/**
 * A number that the kernel keeps for each thread and hands on over fork, clone and execve: the ten hint bits of the I/O
 * priority, which only disks with command duration limits look at.
 *
 * Owns reading and writing the number. What it means is `threads.ts`; that nobody else writes it is the filter's part
 * (`ioprio_set` is answered by the supervisor).
 */

import { attempt } from '../../kernel/call.ts';

const WHO_PROCESS = 1;
const CLASS_SHIFT = 13;
const HINT_SHIFT = 3;
const HINT_MASK = 0x3ff << HINT_SHIFT;
/** Best effort, the level of a thread that was never niced: what a thread without I/O priority has anyway. */
const ORDINARY = (2 << CLASS_SHIFT) | 4;

/** The largest number. */
export const LAST_NUMBER = 0x3ff;

/** The number of a thread, 0 where none was set; `-errno` where there is no such thread. */
export function readNumber(tid: number): number {
  const priority = attempt('ioprio_get', WHO_PROCESS, tid);
  return priority < 0 ? priority : (priority & HINT_MASK) >> HINT_SHIFT;
}

/**
 * Numbers a thread. Keeps the class and level of its I/O priority.
 *
 * @returns 0 or `-errno`
 */
export function writeNumber(tid: number, number: number): number {
  const before = attempt('ioprio_get', WHO_PROCESS, tid);
  if (before < 0) return before;
  return attempt('ioprio_set', WHO_PROCESS, tid, withNumber(before, number));
}

/** An I/O priority as somebody asks for it, with the number that the thread must keep. */
export function withNumber(priority: number, number: number): number {
  const base = priority >> CLASS_SHIFT === 0 ? ORDINARY : priority;
  return (base & ~HINT_MASK) | (number << HINT_SHIFT);
}

/**
 * Whether this kernel keeps numbers: tried on the calling thread, which has its own priority back afterwards.
 *
 * Linux has hint bits since 6.5.
 */
export function keepsNumbers(): boolean {
  const before = attempt('ioprio_get', WHO_PROCESS, 0);
  if (before < 0 || writeNumber(0, LAST_NUMBER) !== 0) return false;
  const kept = readNumber(0) === LAST_NUMBER;
  attempt('ioprio_set', WHO_PROCESS, 0, before);
  return kept;
}
