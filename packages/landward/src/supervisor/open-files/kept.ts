/**
 * What authorities want to be told again when an open file is used: found by the object and the mark of the open file.
 *
 * Only tells whom to blame. Which rights are lacking is on the open file itself and needs nothing from here; so this may
 * forget, and is bounded.
 */

import type { Run } from '../run.ts';

const KEY = Symbol('open files');
const LIMIT = 4096;

type Identity = { readonly dev: bigint; readonly ino: bigint };

export class Kept implements Disposable {
  readonly #files = new Map<string, unknown>();
  readonly #slots = new Map<unknown, number>();
  #devices = false;

  /** Whether any open file of this run lacks the right to control a device. */
  get devices(): boolean {
    return this.#devices;
  }

  /**
   * Remembers what belongs to an open file.
   *
   * @param file opaque; `undefined` where the authority needs nothing
   * @param slots how many can be told apart on one object
   * @returns the slot, which goes into the open file's mark
   */
  keep(at: Identity, bits: number, file: unknown, slots: number): number {
    if (bits & 2) this.#devices = true;
    if (file === undefined) return 0;
    const slot = this.#slotOf(file, slots);
    const key = keyOf(at, bits, slot);
    this.#files.delete(key);
    this.#files.set(key, file);
    if (this.#files.size > LIMIT) this.#files.delete(this.#files.keys().next().value!);
    return slot;
  }

  /** What was kept, or `undefined`. */
  of(at: Identity, bits: number, slot: number): unknown {
    return this.#files.get(keyOf(at, bits, slot));
  }

  #slotOf(file: unknown, slots: number): number {
    const found = this.#slots.get(file);
    if (found !== undefined) return found;
    if (this.#slots.size >= LIMIT) this.#slots.clear();
    const slot = this.#slots.size % slots;
    this.#slots.set(file, slot);
    return slot;
  }

  [Symbol.dispose](): void {
    this.#files.clear();
    this.#slots.clear();
  }
}

/** What a run keeps of its open files. */
export function keptOf(run: Run): Kept {
  return run.state(KEY, () => new Kept());
}

function keyOf({ dev, ino }: Identity, bits: number, slot: number): string {
  return `${dev}:${ino}:${bits}:${slot}`;
}
