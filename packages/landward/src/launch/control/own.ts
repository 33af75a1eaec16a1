/**
 * The runs that this process supervises itself, for its own questions: a supervising process is not heard on any socket, since
 * what it sends could be a program's wish.
 */

import type { Request } from './protocol.ts';

type Ask = (request: Request) => Promise<unknown>;

const runs = new Map<string, Ask>();

/** How to ask about a run of this process; `undefined` for other runs. */
export function ownRun(run: string): Ask | undefined {
  return runs.get(run);
}

/** From now on this process answers for a run, until the result is disposed of. */
export function answerFor(run: string, ask: Ask): Disposable {
  runs.set(run, ask);
  return { [Symbol.dispose]: () => void runs.delete(run) };
}
