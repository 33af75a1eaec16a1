/**
 * Identifiers of domains and rulesets: unique for the life of a system, in order of creation, and no measure of how many
 * there are. One generator serves all kinds, so that readers of logs never mix them up.
 *
 * Randomness is injected. How an identifier is shown to somebody is `disclosure.ts`.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { done, type Result } from './result.ts';

/** The lowest identifier: above every 32-bit process or inode number. */
export const FIRST_ID = 1n << 32n;

/** Gives whole numbers from 0 to `below - 1`, equally likely and not to be guessed. */
export type RandomBelow = (below: number) => number;

const START_SPAN = 2 ** 32;
const GAP_SPAN = 16;

/** Gives identifiers. Every draw skips up to 15 numbers, so that nobody can tell how many others were drawn. */
export class IdGenerator {
  readonly #random: RandomBelow;
  #next: bigint;

  /**
   * @param random the randomness for the first value and the gaps.
   * @param next continues a generator that was saved with `next`.
   */
  constructor(random: RandomBelow, next?: bigint) {
    this.#random = random;
    this.#next = next ?? FIRST_ID + BigInt(random(START_SPAN));
  }

  /** The value that the next draw returns: what to save. */
  get next(): bigint {
    return this.#next;
  }

  /**
   * Draws identifiers.
   *
   * @param count how many consecutive ones are wanted; below 1 counts as 1.
   * @returns the first of them.
   */
  take(count = 1): bigint {
    const id = this.#next;
    this.#next += BigInt(Math.max(1, Math.trunc(count)) + this.#random(GAP_SPAN));
    return id;
  }

  /**
   * Takes back an identifier for an object that is restored from a checkpoint.
   *
   * @param capable whether the caller has CAP_CHECKPOINT_RESTORE.
   * @param inUse whether something alive holds an identifier.
   * @returns the identifier; EPERM without the capability, EINVAL below `FIRST_ID`, EEXIST where it is held.
   */
  restore(id: bigint, capable: boolean, inUse: (id: bigint) => boolean): Result<bigint> {
    if (!capable) return { ok: false, errno: ERRNO.EPERM };
    if (id < FIRST_ID) return { ok: false, errno: ERRNO.EINVAL };
    if (inUse(id)) return { ok: false, errno: ERRNO.EEXIST };
    if (id >= this.#next) this.#next = id + 1n + BigInt(this.#random(GAP_SPAN));
    return done(id);
  }
}

/** An identifier as audit records print it. */
export function printId(id: bigint): string {
  return id.toString(16);
}
