/**
 * Sends what waits: from the spool to its sink, oldest first, again and again until the receiver has it.
 *
 * Owns when something is sent and how long a failure makes it wait. Nothing is dropped here.
 */

import type { Outcome, Sink } from './sink.ts';
import type { Spool } from './spool.ts';

/** Milliseconds to wait after the first failure, and at most. */
const FIRST = 1_000;
const LONGEST = 300_000;

/** What one round came to. */
export interface Round {
  readonly sent: number;
  readonly rejected: number;
  /** The failure that ended the round, where one did. */
  readonly failure?: string;
}

/** Fills the spool and sends until nothing waits or the receiver fails. */
export async function shipAll(spool: Spool, sink: Sink, signal?: AbortSignal): Promise<Round> {
  const round = { sent: 0, rejected: 0 };
  while (signal?.aborted !== true) {
    spool.fill();
    const batch = spool.next();
    if (batch === undefined) return round;
    const outcome: Outcome = await sink.send(batch);
    if (outcome.kind === 'later') return { ...round, failure: outcome.why };
    spool.done(batch, outcome.kind === 'accepted' ? 'sent' : 'rejected');
    round[outcome.kind === 'accepted' ? 'sent' : 'rejected'] += batch.records.length;
  }
  return round;
}

/**
 * Milliseconds until the next try: twice as long after each failure, and random, so that a fleet does not come back at
 * once.
 *
 * @param failures how many came in a row, 1 for the first
 * @param random from 0 to 1
 */
export function backoff(failures: number, random: number = Math.random()): number {
  const ceiling = Math.min(LONGEST, FIRST * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling * (0.5 + random / 2));
}
