/**
 * What a store throws away: denials that are older than its age, and the oldest when it is larger than its size.
 *
 * What was thrown away stays counted, and how far back is remembered (the floor), so that the same log read in again
 * does not count twice. A sink that had not got a denial yet counts it as lost.
 */

import { LandwardError } from '../../errors.ts';
import { readDuration, readSize } from '../../policy/units.ts';
import { inTransaction } from './sqlite.ts';
import { isFleeting, type Store } from './store.ts';

/** How much a store keeps. */
export interface Bounds {
  /** Bytes of the file. */
  readonly size: number;
  /** Milliseconds. */
  readonly age: number;
}

export const DEFAULT_BOUNDS: Bounds = { size: 256 * 1024 * 1024, age: 90 * 86_400_000 };
const SMALLEST = 1024 * 1024;
/** Microseconds between two looks at the age. */
const AGE_CHECK = 600_000_000;
/** Hours behind which counts are folded into one row a label. */
const TALLY_HOURS = 24 * 400;

/** A store that is gone with the process is for one question about whatever was read in, however old. */
const UNBOUNDED: Bounds = { size: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY };

/** The bounds of a store. */
export function boundsOf(store: Store): Bounds {
  const { size, age } = isFleeting(store.file) ? UNBOUNDED : DEFAULT_BOUNDS;
  const read = (key: string, fallback: number) => Number(store.meta(key) ?? fallback);
  return { size: read('max_size', size), age: read('max_age', age) };
}

/**
 * Sets the bounds of a store; they hold for all who write it, at once.
 *
 * @throws LandwardError CONFIG_INVALID below a mebibyte or a minute
 */
export function setBounds(store: Store, bounds: Partial<Bounds>): void {
  const { size, age } = { ...boundsOf(store), ...bounds };
  if (size < SMALLEST || age < 60_000 || Number.isNaN(size + age))
    throw new LandwardError('CONFIG_INVALID', 'A store keeps at least 1 MiB and one minute');
  store.setMeta('max_size', String(Math.round(size)));
  store.setMeta('max_age', String(Math.round(age)));
  enforceAge(store, { now: Date.now(), force: true });
  enforceSize(store);
}

/**
 * Sets the bounds as a person writes them.
 *
 * @param words `keep` such as `30d`, `size` such as `256M`
 * @throws LandwardError USAGE for words that are none
 */
export function setBoundWords(
  store: Store,
  words: { readonly keep?: string | undefined; readonly size?: string | undefined },
): void {
  const read = <T>(word: string | undefined, value: T | null | undefined): T | undefined => {
    if (value === null)
      throw new LandwardError('USAGE', `"${word}" is no such bound`, {
        fix: 'Write --keep 30d, --size 256M',
      });
    return value;
  };
  const age = read(words.keep, words.keep === undefined ? undefined : readDuration(words.keep));
  const size = read(words.size, words.size === undefined ? undefined : readSize(words.size));
  setBounds(store, { ...(age === undefined ? {} : { age }), ...(size === undefined ? {} : { size }) });
}

/** The time, in microseconds, up to which denials were thrown away. */
export function floorOf(store: Store): number {
  return Number(store.meta('floor') ?? -Infinity);
}

/** How many denials were thrown away since the store was made. */
export function prunedOf(store: Store): number {
  return Number(store.meta('pruned') ?? 0);
}

/** Throws away what is too old, at most every ten minutes unless forced. Cheap where there is nothing to do. */
export function enforceAge(store: Store, when = { now: Date.now(), force: false }): void {
  const bounds = boundsOf(store);
  const now = when.now * 1000;
  if (when.force || now - Number(store.meta('aged') ?? 0) > AGE_CHECK) {
    inTransaction(store.database, () => {
      store.setMeta('aged', String(now));
      if (Number.isFinite(bounds.age)) discard(store, now - Math.round(bounds.age * 1000));
      fold(store, Math.floor(now / 3_600_000_000) - TALLY_HOURS);
    });
  }
}

/** Throws the oldest away until the size is kept. Cheap where there is nothing to do. */
export function enforceSize(store: Store): void {
  const bounds = boundsOf(store);
  if (usedBytes(store) <= bounds.size) return;
  // Down to nine tenths, so that not every batch has to make room.
  while (usedBytes(store) > bounds.size * 0.9) {
    const removed = inTransaction(store.database, () => {
      const { count } = store.prepare('SELECT count(*) AS count FROM event').get() as { count: number };
      if (count === 0) return 0;
      const row = store
        .prepare('SELECT time FROM event ORDER BY time LIMIT 1 OFFSET ?')
        .get(Math.min(count - 1, Math.ceil(count / 10)));
      return discard(store, row!.time as number);
    });
    if (removed === 0) break;
  }
  store.database.exec('PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(PASSIVE)');
}

/** Bytes of the pages that hold something. */
export function usedBytes(store: Store): number {
  const ask = (name: string) => Number(Object.values(store.prepare(`PRAGMA ${name}`).get()!)[0]);
  return (ask('page_count') - ask('freelist_count')) * ask('page_size');
}

/** Throws away denials up to a time, and counts them where they are missed. */
function discard(store: Store, upTo: number): number {
  store
    .prepare(
      `UPDATE sink SET lost = lost + (SELECT count(*) FROM event WHERE time <= ?1 AND id > sink.cursor)`,
    )
    .run(upTo);
  const removed = Number(store.prepare('DELETE FROM event WHERE time <= ?').run(upTo).changes);
  store.prepare('DELETE FROM loss WHERE seen <= ?').run(upTo);
  store.prepare('DELETE FROM domain WHERE time <= ?').run(upTo);
  if (removed > 0) store.setMeta('pruned', String(prunedOf(store) + removed));
  if (upTo > floorOf(store)) store.setMeta('floor', String(upTo));
  return removed;
}

/** Adds the counts of hours before `hour` up, so that sums never fall. */
function fold(store: Store, hour: number): void {
  store
    .prepare(
      `INSERT INTO tally (hour, source, effect, "right", operation, object, count)
       SELECT -1, source, effect, "right", operation, object, sum(count) FROM tally WHERE hour >= 0 AND hour < ?
       GROUP BY source, effect, "right", operation, object
       ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    )
    .run(hour);
  store.prepare('DELETE FROM tally WHERE hour >= 0 AND hour < ?').run(hour);
}
