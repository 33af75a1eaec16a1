/** Denials out of the store, in the order in which they happened or came in. Owns reading rows back; filters are `filter.ts`. */

import { bug } from '../../errors.ts';
import type { DenialEvent } from '../../model/denial.ts';
import { eventFromJson } from '../event.ts';
import { conditionOf, type Filter } from './filter.ts';
import type { Store } from './store.ts';

/** A denial with its number in the store. */
export interface StoredEvent {
  readonly id: number;
  readonly event: DenialEvent;
}

/** The order and number of what is told. */
export interface Page {
  /** `oldest` and `newest` by the time of the denial, `arrival` by the number in the store. Default: `oldest`. */
  readonly order?: 'oldest' | 'newest' | 'arrival';
  /** At most so many. */
  readonly limit?: number | undefined;
}

const ORDER = {
  oldest: 'event.time, event.id',
  newest: 'event.time DESC, event.id DESC',
  arrival: 'event.id',
} as const;

/**
 * The denials that a filter names, one after the other: no more than one is held in memory.
 *
 * @example for (const { event } of findEvents(store, { right: ['net.'] })) console.log(describeEvent(event));
 */
export function* findEvents(store: Store, filter: Filter, page: Page = {}): Generator<StoredEvent> {
  const { sql, parameters } = conditionOf(filter);
  const limit = page.limit === undefined ? '' : ` LIMIT ${Math.trunc(page.limit)}`;
  // Not a shared statement: two questions may be open at once.
  const statement = store.database.prepare(
    `SELECT id, json FROM event WHERE ${sql} ORDER BY ${ORDER[page.order ?? 'oldest']}${limit}`,
  );
  for (const row of statement.iterate(...parameters))
    yield { id: row.id as number, event: readEvent(row.json as string) };
}

/** The newest `limit` denials that a filter names, oldest first. */
export function lastEvents(store: Store, filter: Filter, limit: number): readonly StoredEvent[] {
  return [...findEvents(store, filter, { order: 'newest', limit })].reverse();
}

/** How many denials a filter names. */
export function countEvents(store: Store, filter: Filter): number {
  const { sql, parameters } = conditionOf(filter);
  return store.database.prepare(`SELECT count(*) AS count FROM event WHERE ${sql}`).get(...parameters)!
    .count as number;
}

/** The number of the newest denial, 0 in an empty store. */
export function lastId(store: Store): number {
  return (store.prepare('SELECT max(id) AS id FROM event').get()!.id as number | null) ?? 0;
}

function readEvent(json: string): DenialEvent {
  const read = eventFromJson(JSON.parse(json));
  return read.ok ? read.value : bug(`an event of the store cannot be read: ${read.reason}`);
}
