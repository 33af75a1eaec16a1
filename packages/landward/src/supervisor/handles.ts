/**
 * Descriptors that stand for something of landward's in a supervised program: a ruleset, a policy program, a domain.
 *
 * Such a descriptor is an epoll instance: reading and writing it fail as on the kernel's own kinds, it survives dup, fork and
 * SCM_RIGHTS, and it carries 64 random bits that procfs shows. Owns recognising, and keeping what it stands for as long as
 * it is open anywhere; the files are `handle-files.ts`.
 */

import { ERRNO } from '../uapi/errno.ts';
import { HandleFiles, type HandleNumber, numbersIn } from './handle-files.ts';
import { readProc } from './target/proc.ts';

/** Things of one kind that descriptors of one run may stand for at a time. */
const MOST = 10_000;
/** How many there are when it is looked for the first time which of them nobody holds any more. */
const FIRST_LOOK = 256;

export class Handles<T> implements Disposable {
  readonly #files = new HandleFiles();
  readonly #held = new Map<string, T>();
  readonly #numbers = new Map<T, HandleNumber>();
  #look = FIRST_LOOK;

  /**
   * Makes a descriptor that stands for something. Descriptors of the same object bear the same number.
   *
   * @returns the descriptor, the caller's, or `-errno`: EMFILE where too many things are held
   */
  make(what: T): number {
    const known = this.#numbers.get(what);
    if (known === undefined && this.#held.size >= this.#look) this.#forget();
    if (known === undefined && this.#held.size >= MOST) return -ERRNO.EMFILE;
    const [low, high] = known ?? crypto.getRandomValues(new Uint32Array(2));
    const fd = this.#files.make([low!, high!]);
    if (fd < 0) return fd;
    this.#held.set(textOf([low!, high!]), what);
    this.#numbers.set(what, [low!, high!]);
    return fd;
  }

  /** What a descriptor of this process stands for; `null` where it is something else. */
  find(fd: number): T | null {
    const bytes = readProc(`/proc/thread-self/fdinfo/${fd}`, 1024);
    const numbers = bytes === null ? [] : numbersIn(Buffer.from(bytes).toString('latin1'));
    return numbers.length === 1 ? (this.#held.get(numbers[0]!) ?? null) : null;
  }

  /** How many things are held at the moment, some of which nobody may hold any more. */
  get size(): number {
    return this.#held.size;
  }

  /** Lets go of what no descriptor stands for any more. */
  #forget(): void {
    const alive = this.#files.alive();
    for (const [number, what] of this.#held) {
      if (alive.has(number)) continue;
      this.#held.delete(number);
      this.#numbers.delete(what);
    }
    this.#look = Math.min(MOST, Math.max(FIRST_LOOK, 2 * this.#held.size));
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
    this.#held.clear();
    this.#numbers.clear();
  }
}

function textOf([low, high]: HandleNumber): string {
  return ((BigInt(high) << 32n) | BigInt(low)).toString(16);
}
