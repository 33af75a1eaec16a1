/**
 * Functions that decide, in the process that started the program: asks them, in order, and the person behind them, each for a
 * bounded time, and answers every question exactly once.
 *
 * Runs on the main thread beside whatever else that does; the deciding thread waits for it as long as it said it would,
 * and no longer. Whatever is not a clear answer is a denial.
 */

import type {
  DecideFunction,
  DecideOptions,
  DecideRequest,
  DecideVerdict,
} from '../../model/decide-request.ts';
import { ALL_CATEGORIES } from '../../model/decide-request.ts';
import type { Decided, Patience, Question } from '../messages.ts';
import { OpenAsks } from './open-asks.ts';

const DECIDE_MS = 1000;
const ASK_MS = 120_000;
/** The deciding thread waits a little longer, so that the reason is told by who knows it. */
const MARGIN_MS = 250;
/** Notes about functions that fail that are told. */
const MOST_NOTES = 20;

/** The answer of a function that is none, and why. */
interface Failure {
  readonly failed: string;
}

/** A function as it is asked. */
interface Decider {
  readonly name: string;
  readonly about: ReadonlySet<string>;
  readonly decide: DecideFunction | undefined;
  readonly withinMs: number;
}

/** How a question is answered: with `ask` first where a person is asked. */
export type Answer = (decided: Omit<Decided, 'kind' | 'ticket'>) => void;

export class DecidingHost implements Disposable {
  readonly #deciders: readonly Decider[];
  readonly #asks: OpenAsks;
  readonly #note: (text: string) => void;
  /** Questions that somebody waits for. */
  readonly #wanted = new Set<number>();
  #notes = 0;

  /** @param note hears why a function did not count: what it threw, or answered */
  constructor(functions: readonly DecideOptions[], note: (text: string) => void) {
    this.#deciders = functions.map(deciderOf);
    const ask = askMs(functions);
    this.#asks = new OpenAsks(
      functions.flatMap(({ onAsk }) => onAsk ?? []),
      ask,
    );
    this.#note = note;
  }

  /** Answers a question. */
  async question(question: Question, answer: Answer): Promise<void> {
    this.#wanted.add(question.ticket);
    freeze(question.request);
    try {
      await this.#answer(question, answer);
    } finally {
      this.#wanted.delete(question.ticket);
    }
  }

  async #answer(question: Question, answer: Answer): Promise<void> {
    const { ticket, request } = question;
    let asks = question.ask ? 'the policy' : undefined;
    for (const decider of this.#deciders) {
      const { name, decide, about } = decider;
      if (decide === undefined || !about.has(request.category)) continue;
      const said = await this.#said(decider, decide, request);
      if (typeof said === 'object') return answer({ verdict: 'deny', by: `${name} (${said.failed})` });
      if (said === 'deny') return answer({ verdict: 'deny', by: name });
      if (said === 'ask') asks ??= name;
    }
    if (asks === undefined) return answer({ verdict: 'allow', by: '' });
    if (!this.#asks.hasSomebody)
      return answer({ verdict: 'deny', by: `${asks} (wants to ask, and there is nobody)` });
    if (!this.#wanted.has(ticket))
      return answer({ verdict: 'deny', by: 'nobody (no answer is wanted any more)' });
    answer({ verdict: 'ask', by: asks });
    try {
      const said = await this.#asks.ask(question);
      const verdict = said === 'allow' || said === 'always' ? 'allow' : 'deny';
      answer({ verdict, by: said === undefined ? 'nobody (no answer in time)' : 'who was asked' });
    } catch (error) {
      this.#tell(`who is asked by ${asks} cannot be: ${messageOf(error)}`);
      answer({ verdict: 'deny', by: 'nobody (could not be asked)' });
    }
  }

  /** What a function says within its time. */
  async #said(
    { name, withinMs }: Decider,
    decide: DecideFunction,
    request: DecideRequest,
  ): Promise<DecideVerdict | Failure> {
    let said: unknown;
    try {
      said = decide(request);
      if (isPromise(said)) said = await within(said, withinMs);
    } catch (error) {
      this.#tell(`${name} threw, which denies: ${messageOf(error)}`);
      return { failed: 'threw' };
    }
    if (said === LATE) return { failed: `no answer within ${withinMs} ms` };
    if (said === undefined || said === 'allow' || said === 'deny' || said === 'ask') return said;
    this.#tell(`${name} answered ${kindOf(said)}, which denies: it may answer allow, deny, ask or undefined`);
    return { failed: 'no such answer' };
  }

  /** Nobody waits for this question any more. */
  withdraw(ticket: number): void {
    this.#wanted.delete(ticket);
    this.#asks.withdraw(ticket);
  }

  #tell(text: string): void {
    if (this.#notes++ < MOST_NOTES) this.#note(text);
  }

  /** The run is over: what is still asked is not wanted any more. */
  [Symbol.dispose](): void {
    this.#wanted.clear();
    this.#asks.close();
  }
}

/** No function changes what the next one, or a person, is shown. */
function freeze(value: object): void {
  for (const part of Object.values(Object.freeze(value)))
    if (typeof part === 'object' && part !== null) freeze(part);
}

/** How long the deciding thread waits for what these functions, one after the other, and the person say. */
export function patienceOf(functions: readonly DecideOptions[]): Patience {
  const own = functions.map(({ decide, timeoutMs = DECIDE_MS }) => (decide === undefined ? 0 : timeoutMs));
  const decide = own.reduce((sum, one) => sum + one, 0) || DECIDE_MS;
  return { decide: decide + MARGIN_MS, ask: askMs(functions) + MARGIN_MS };
}

function askMs(functions: readonly DecideOptions[]): number {
  return Math.max(0, ...functions.map(({ askTimeoutMs = ASK_MS }) => askTimeoutMs));
}

function deciderOf({ name, about = ALL_CATEGORIES, decide, timeoutMs = DECIDE_MS }: DecideOptions): Decider {
  const called = name ?? decide?.name ?? '';
  return {
    name: called === '' ? 'the function of the policy' : called,
    about: new Set(about),
    decide,
    withinMs: timeoutMs,
  };
}

const LATE = Symbol('late');

/** What a promise comes to, or `LATE`. */
export async function within<T>(promise: PromiseLike<T>, milliseconds: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), milliseconds);
    timer.unref();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

/** In words; what was thrown may itself throw when it is looked at. */
function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : kindOf(error);
  } catch {
    return 'something that cannot be told';
  }
}

function kindOf(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 40)}"` : typeof value;
}
