/**
 * New denials as they come: of sources that are followed, or of the store and the registry, which other processes write.
 * Owns waiting; everything goes through the store, so that what comes twice is told once.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { DenialEvent } from '../../model/denial.ts';
import { stateDirectory } from '../state-directory.ts';
import type { Filter } from './filter.ts';
import { openWord } from './gather.ts';
import { ingest } from './intake.ts';
import { findEvents, lastId } from './query.ts';
import { ingestRuns } from './runs.ts';
import type { Store } from './store.ts';

/** Milliseconds between two looks at the store. */
const LOOK = 300;

/** What is followed. */
export interface Followed {
  /** Words of sources; without any, the registry alone. */
  readonly sources: readonly string[];
  /** Whether the registry of this user's runs is read as well. */
  readonly registry: boolean;
  readonly filter: Filter;
  /** The number of the last denial that is known already; the newest of the store when absent. */
  readonly after?: number;
  readonly signal: AbortSignal;
  /** Called when all sources are read from now on. */
  readonly ready?: () => void;
}

/**
 * Tells every denial that comes into the store from now on, until the signal aborts.
 *
 * @param tell called in the order in which they came in
 * @throws what a source throws
 */
export async function followStore(
  store: Store,
  followed: Followed,
  tell: (event: DenialEvent) => void,
): Promise<void> {
  const { sources, registry, filter, signal } = followed;
  let last = followed.after ?? lastId(store);
  const news = () => {
    if (registry) ingestRuns(store, stateDirectory());
    for (const { id, event } of findEvents(store, { ...filter, after: last }, { order: 'arrival' })) {
      last = id;
      tell(event);
    }
  };
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  let waiting = sources.length;
  const ready = () => {
    waiting--;
    if (waiting <= 0) followed.ready?.();
  };
  if (waiting === 0) followed.ready?.();
  const reading = sources.map(async (word) =>
    ingest(store, await openWord(word, { follow: true, signal: stop, ready })),
  );
  const all = Promise.all(reading).catch((error: unknown) => {
    failure.abort();
    throw error;
  });
  all.catch(() => {}); // Reported below.
  while (!stop.aborted) {
    news();
    await sleep(LOOK, undefined, { signal: stop }).catch(() => {});
  }
  await all;
  news();
}
