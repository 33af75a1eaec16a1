/** A file descriptor with an owner. Closes once, and never a number that has been given away. */

import { attempt } from './call.ts';

/**
 * An open descriptor that this object owns.
 *
 * @example
 * using ruleset = new Fd(createRuleset({ fs: 1 }).number);
 */
export class Fd {
  #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  /** The descriptor's number; -1 when closed or released. */
  get number(): number {
    return this.#number;
  }

  /** Gives the descriptor away: it is the caller's to close now. */
  release(): number {
    const number = this.#number;
    this.#number = -1;
    return number;
  }

  /** Closes the descriptor; does nothing the second time. */
  close(): void {
    const number = this.release();
    // Linux frees the number whatever close answers, so there is nothing to retry and nothing to report.
    if (number >= 0) attempt('close', number);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
