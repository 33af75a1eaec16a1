/**
 * What a source tells, put into the store batch by batch, each in one transaction. A denial that is there already is
 * left alone; losses are kept as they are told.
 *
 * Owns what counts as the same and what is counted. One intake is one reading of one source.
 */

import { randomBytes } from 'node:crypto';
import type { DenialEvent } from '../../model/denial.ts';
import type { DomainEvent, Loss, Source, SourceItem } from '../sources/source.ts';
import { enforceAge, enforceSize, floorOf } from './bounds.ts';
import { identityOf, Repetitions } from './identity.ts';
import { labelsOf } from './labels.ts';
import { INSERT_EVENT, microseconds, rowOf } from './row.ts';
import { inTransaction } from './sqlite.ts';
import type { Store } from './store.ts';

/** What became of the items of one or more batches. */
export interface Added {
  /** Denials that are new. */
  readonly added: number;
  /** Denials that the store had. */
  readonly known: number;
  /** Denials from before what the store still holds: neither stored nor counted, because they may have been once. */
  readonly outside: number;
  /** Records that are newly known to be lost, as far as the source could count them. */
  readonly lost: number;
}

export const NOTHING_ADDED: Added = { added: 0, known: 0, outside: 0, lost: 0 };

/** The sum of two outcomes. */
export function plus(a: Added, b: Added): Added {
  return {
    added: a.added + b.added,
    known: a.known + b.known,
    outside: a.outside + b.outside,
    lost: a.lost + b.lost,
  };
}

const COUNT = `INSERT INTO tally (hour, source, effect, "right", operation, object, count) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET count = count + excluded.count`;
const HOUR = 3_600_000_000;

/** Counts of one batch: many denials have the same labels, and one row is written for each. */
class Tally {
  readonly #counts = new Map<string, { readonly labels: readonly (string | number)[]; count: number }>();

  add(...labels: readonly (string | number)[]): void {
    const key = labels.join('\0');
    const found = this.#counts.get(key);
    if (found === undefined) this.#counts.set(key, { labels, count: 1 });
    else found.count++;
  }

  write(store: Store): void {
    for (const { labels, count } of this.#counts.values()) store.prepare(COUNT).run(...labels, count);
  }
}

/** One reading of one source into a store. */
export class Intake {
  readonly #store: Store;
  readonly #repetitions = new Repetitions();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Adds a batch, all of it or, with an error, nothing.
   *
   * @param onNew called for each denial that the store did not have, inside of the transaction
   * @throws LandwardError STORE, or an error of SQLite where the disk is full
   */
  add(items: readonly SourceItem[], onNew?: (event: DenialEvent) => void): Added {
    const sum = { added: 0, known: 0, outside: 0, lost: 0 };
    // Before, so that what is too old is never in, and never counted again.
    enforceAge(this.#store);
    inTransaction(this.#store.database, () => {
      const floor = floorOf(this.#store);
      const tally = new Tally();
      for (const item of items)
        if (item.kind === 'denial') {
          const outcome = this.#event(item.event, floor, tally);
          sum[outcome]++;
          if (outcome === 'added') onNew?.(item.event);
        } else if (item.kind === 'loss') {
          sum.lost += this.#loss(item);
        } else this.#domain(item);
      tally.write(this.#store);
    });
    enforceSize(this.#store);
    return sum;
  }

  #event(event: DenialEvent, floor: number, tally: Tally): 'added' | 'known' | 'outside' {
    const time = microseconds(event.time);
    const identity = this.#repetitions.digest(identityOf(event));
    if (time <= floor) return 'outside';
    const { changes, lastInsertRowid } = this.#store.prepare(INSERT_EVENT).run(identity, ...rowOf(event));
    if (changes === 0) return 'known';
    for (const right of new Set(event.missing))
      this.#store
        .prepare('INSERT INTO event_right (event, "right") VALUES (?, ?)')
        .run(lastInsertRowid, right);
    const { source, effect, operation, object, rights } = labelsOf(event);
    const hour = Math.max(0, Math.floor(time / HOUR));
    tally.add(hour, source, effect, '', operation, object);
    for (const right of rights) tally.add(hour, source, effect, right, '', object);
    return 'added';
  }

  #loss(loss: Loss): number {
    const { source, what, reason, count, sample, time } = loss;
    // Told again by each reading; the store knows it from its domains, once.
    if ((what as string) === 'unlogged') return 0;
    // The same bad line of the same log is lost once; losses that show no line can't be told apart, and count each time.
    const identity =
      sample === undefined
        ? randomBytes(16)
        : this.#repetitions.digest(
            JSON.stringify(['loss', source, what, reason, count, sample, time ?? null]),
          );
    const { changes } = this.#store
      .prepare(
        'INSERT OR IGNORE INTO loss (identity, time, seen, source, what, reason, count) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        identity,
        time === undefined ? null : microseconds(time),
        microseconds(Date.now()),
        source,
        what,
        reason,
        count,
      );
    if (changes === 0) return 0;
    this.#store
      .prepare(`INSERT INTO loss_tally (source, what, records, uncounted) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        records = records + excluded.records, uncounted = uncounted + excluded.uncounted`)
      .run(source, what, count, count === 0 ? 1 : 0);
    return count;
  }

  #domain({ id, time, what }: DomainEvent): void {
    const enforcer = what.state === 'named' ? JSON.stringify(what.enforcer) : null;
    const denials = what.state === 'freed' ? Number(what.denials) : null;
    if (enforcer === null && denials === null) return;
    this.#store
      .prepare(`INSERT INTO domain (id, time, enforcer, denials) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
        enforcer = coalesce(excluded.enforcer, enforcer), denials = coalesce(excluded.denials, denials)`)
      .run(id.toString(16), microseconds(time), enforcer, denials);
  }
}

/**
 * Reads a source to its end into a store.
 *
 * @param onNew called for each denial that the store did not have
 */
export async function ingest(
  store: Store,
  source: Source,
  onNew?: (event: DenialEvent) => void,
): Promise<Added> {
  const intake = new Intake(store);
  // Said even where it tells nothing: that it was read at all is what an answer without denials stands on.
  store.setMeta(`read ${source.teller}`, String(Date.now()));
  let sum = NOTHING_ADDED;
  for await (const batch of source.batches()) sum = plus(sum, intake.add(batch, onNew));
  return sum;
}
