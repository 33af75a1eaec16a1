/** What the deciding thread does again and again while nothing else happens. Owns the times; exact to a few milliseconds. */

interface Tick {
  readonly every: number;
  readonly then: () => void;
  next: number;
}

export class Ticks {
  readonly #ticks = new Set<Tick>();

  /** @param every milliseconds */
  add(every: number, then: () => void): Disposable {
    const tick: Tick = { every, then, next: performance.now() + every };
    this.#ticks.add(tick);
    return { [Symbol.dispose]: () => void this.#ticks.delete(tick) };
  }

  /** Milliseconds until the next one is due. */
  get patience(): number {
    if (this.#ticks.size === 0) return Number.POSITIVE_INFINITY;
    const now = performance.now();
    return Math.max(0, Math.min(...[...this.#ticks].map(({ next }) => next - now)));
  }

  /** Runs those that are due. */
  run(): void {
    if (this.#ticks.size === 0) return;
    const now = performance.now();
    for (const tick of this.#ticks) {
      if (tick.next > now) continue;
      tick.next = now + tick.every;
      tick.then();
    }
  }
}
