/**
 * What has been answered to earlier runs of one call, for its next run: by question, with the objects held that the
 * questions were about.
 *
 * Owns those descriptors. An answer counts for the call that asked, and for no other.
 */

import { attempt } from '../../kernel/call.ts';
import { F } from '../../uapi/open.ts';
import type { Given } from './pending.ts';

export class Answers {
  readonly #given = new Map<string, Given>();
  readonly #pins: number[] = [];

  /** How many questions were answered. */
  get count(): number {
    return this.#given.size;
  }

  of(key: string): Given | undefined {
    return this.#given.get(key);
  }

  add(key: string, given: Given): void {
    this.#given.set(key, given);
  }

  /**
   * Holds the objects behind descriptors.
   *
   * @param ceiling descriptors from here on are not held for programs
   * @returns whether all could be held
   */
  hold(fds: readonly number[], ceiling: number): boolean {
    return fds.every((fd) => {
      const pin = attempt('fcntl', fd, F.DUPFD_CLOEXEC, 0);
      if (pin < 0) return false;
      this.#pins.push(pin);
      return pin < ceiling;
    });
  }

  /** Lets the objects go. */
  close(): void {
    for (const pin of this.#pins) attempt('close', pin);
    this.#pins.length = 0;
  }
}
