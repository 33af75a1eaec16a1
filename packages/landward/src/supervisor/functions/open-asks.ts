/**
 * Questions to a person that are open: the same question is asked once, however many calls wait for it, and a call that a
 * signal has interrupted finds it again when it is begun anew.
 *
 * Owns what is remembered: nothing, but `always` and `never` for the same rights on the same object, until the run is over.
 */

import type { AskAnswer, AskFunction, DecideRequest } from '../../model/decide-request.ts';
import type { Question } from '../messages.ts';

/** What is remembered of one run. */
const MOST_REMEMBERED = 10_000;
const ANSWERS: ReadonlySet<unknown> = new Set(['allow', 'deny', 'always', 'never'] satisfies AskAnswer[]);

interface OpenAsk {
  readonly tickets: Set<number>;
  readonly abort: AbortController;
  readonly answer: Promise<AskAnswer | undefined>;
}

export class OpenAsks {
  readonly #ask: AskFunction | undefined;
  readonly #withinMs: number;
  readonly #open = new Map<string, OpenAsk>();
  readonly #remembered = new Map<string, 'always' | 'never'>();

  /** @param asked the ways to a person; the first is used */
  constructor(asked: readonly AskFunction[], withinMs: number) {
    this.#ask = asked[0];
    this.#withinMs = withinMs;
  }

  /** Whether there is anybody to ask. */
  get hasSomebody(): boolean {
    return this.#ask !== undefined;
  }

  /**
   * Asks, or joins who has asked the same.
   *
   * @returns the answer; `undefined` where there was none in time
   * @throws what the way to the person throws
   */
  ask(question: Question): Promise<AskAnswer | undefined> {
    const { ticket, request } = question;
    const key = keyOf(question);
    const known = this.#remembered.get(key);
    if (known !== undefined) return Promise.resolve(known);
    // A person who is shown one process has not answered for another.
    const open = this.#open.get(`${request.process.pid} ${key}`) ?? this.#begin(key, request);
    open.tickets.add(ticket);
    return open.answer;
  }

  #begin(key: string, request: DecideRequest): OpenAsk {
    const shown = `${request.process.pid} ${key}`;
    const abort = new AbortController();
    const { promise: over, resolve } = Promise.withResolvers<undefined>();
    abort.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    const timer = setTimeout(() => abort.abort(), this.#withinMs);
    timer.unref();
    const asked = (async () => this.#ask!(request, { signal: abort.signal }))();
    // Who answers after nobody waited any more is not heard, whatever it is.
    asked.catch(() => {});
    const answer = (async () => {
      try {
        const said = await Promise.race([asked, over]);
        if (said !== undefined && !ANSWERS.has(said)) throw new TypeError('no such answer');
        if ((said === 'always' || said === 'never') && this.#remembered.size < MOST_REMEMBERED)
          this.#remembered.set(key, said);
        return said;
      } finally {
        clearTimeout(timer);
        this.#open.delete(shown);
      }
    })();
    const open = { tickets: new Set<number>(), abort, answer };
    this.#open.set(shown, open);
    return open;
  }

  /** Nobody waits with this ticket any more. */
  withdraw(ticket: number): void {
    for (const { tickets, abort } of this.#open.values())
      if (tickets.delete(ticket) && tickets.size === 0) abort.abort();
  }

  /** Ends everything that is open. */
  close(): void {
    for (const { abort } of this.#open.values()) abort.abort();
  }
}

/** The same rights on the same object, whoever asks: the very same one, and told in the same words. */
function keyOf({ key, request: { category, rights, object, signal } }: Question): string {
  return JSON.stringify([key, category, rights, object, signal], (_, value) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}
