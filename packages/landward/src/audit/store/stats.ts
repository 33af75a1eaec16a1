/**
 * Numbers about the denials of a store: rates, the programs, rights and objects that come most, and what the numbers do not
 * cover. Owns counting and the account of what is not known; a count without that account is not given.
 */

import { boundsOf, floorOf, prunedOf, usedBytes } from './bounds.ts';
import { conditionOf, type Filter } from './filter.ts';
import type { Store } from './store.ts';

/** How often something came. */
export interface Counted {
  readonly name: string;
  readonly count: number;
}

/** What the numbers do not cover. */
export interface Coverage {
  /** Records lost or not understood, by teller and kind. `uncounted` times something was lost without saying how much. */
  readonly losses: readonly {
    readonly source: string;
    readonly what: string;
    readonly records: number;
    readonly uncounted: number;
  }[];
  /** Denials that the kernel counted in domains that are gone, and that it did not log. */
  readonly unlogged: number;
  /** Whether the kernel's audit or a log of it was ever read: without, what the kernel denied by itself is not known. */
  readonly kernel: boolean;
  /** Denials thrown away to keep the bounds. */
  readonly pruned: number;
  /** Milliseconds since 1970; what is older is not here. Absent where nothing was thrown away. */
  readonly since?: number;
}

/** Numbers about a set of denials. */
export interface Stats {
  readonly total: number;
  readonly first?: number;
  readonly last?: number;
  readonly effects: readonly Counted[];
  readonly sources: readonly Counted[];
  readonly rights: readonly Counted[];
  readonly programs: readonly Counted[];
  readonly objects: readonly Counted[];
  readonly users: readonly Counted[];
  readonly runs: readonly Counted[];
  /** Denials in each of the equal parts between `first` and `last`. */
  readonly rate: { readonly milliseconds: number; readonly counts: readonly number[] };
  readonly coverage: Coverage;
}

const PARTS = 24;

/**
 * Counts the denials that a filter names.
 *
 * @param top how many of each kind are told
 */
export function statsOf(store: Store, filter: Filter = {}, top = 10): Stats {
  const { sql, parameters } = conditionOf(filter);
  const grouped = (name: string, from = 'event') =>
    store.database
      .prepare(
        `SELECT ${name} AS name, count(*) AS count FROM ${from} WHERE ${sql} AND ${name} IS NOT NULL
         GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${Math.trunc(top)}`,
      )
      .all(...parameters)
      .map((row) => ({ name: String(row.name), count: row.count as number }));
  const span = store.database
    .prepare(`SELECT count(*) AS total, min(time) AS first, max(time) AS last FROM event WHERE ${sql}`)
    .get(...parameters) as { total: number; first: number | null; last: number | null };
  return {
    total: span.total,
    ...(span.first === null ? {} : { first: span.first / 1000, last: span.last! / 1000 }),
    effects: grouped('event.effect'),
    sources: grouped('event.source'),
    rights: grouped('event_right."right"', 'event JOIN event_right ON event_right.event = event.id'),
    programs: grouped('coalesce(event.exe, event.comm)'),
    objects: grouped(`event.object || ' ' || event.name`),
    users: grouped('event.uid'),
    runs: grouped('event.run'),
    rate: rateOf(store, filter, span),
    coverage: coverageOf(store),
  };
}

function rateOf(
  store: Store,
  filter: Filter,
  { first, last }: { first: number | null; last: number | null },
): Stats['rate'] {
  if (first === null || last === null) return { milliseconds: 0, counts: [] };
  const part = Math.max(1_000_000, Math.ceil((last - first + 1) / PARTS));
  const { sql, parameters } = conditionOf(filter);
  const rows = store.database
    .prepare(
      `SELECT (event.time - CAST(? AS INTEGER)) / CAST(? AS INTEGER) AS part, count(*) AS count FROM event WHERE ${sql} GROUP BY 1`,
    )
    .all(first, part, ...parameters);
  const counts = new Array<number>(Math.floor((last - first) / part) + 1).fill(0);
  for (const row of rows) counts[Math.trunc(row.part as number)] = row.count as number;
  return { milliseconds: part / 1000, counts };
}

/** What no number about a store covers. */
export function coverageOf(store: Store): Coverage {
  const losses = store
    .prepare('SELECT source, what, records, uncounted FROM loss_tally ORDER BY source, what')
    .all() as unknown as Coverage['losses'];
  const { unlogged } = store
    .prepare(
      `SELECT coalesce(sum(max(0, domain.denials - (
         SELECT count(DISTINCT event.time || ':' || coalesce(json_extract(event.json, '$.serial'), event.id))
         FROM event WHERE event.domain = domain.id))), 0) AS unlogged
       FROM domain WHERE domain.denials IS NOT NULL`,
    )
    .get() as { unlogged: number };
  const floor = floorOf(store);
  return {
    losses: losses.map((loss) => ({ ...loss })),
    unlogged,
    kernel: ['audit', 'log', 'journal', 'kmsg', 'tracepoint'].some(
      (teller) => store.meta(`read ${teller}`) !== undefined,
    ),
    pruned: prunedOf(store),
    ...(prunedOf(store) > 0 ? { since: floor / 1000 } : {}),
  };
}

/** The store itself: how full it is. */
export function storeFacts(store: Store): {
  readonly file: string;
  readonly events: number;
  readonly bytes: number;
  readonly bounds: ReturnType<typeof boundsOf>;
} {
  return {
    file: store.file,
    events: store.prepare('SELECT count(*) AS count FROM event').get()!.count as number,
    bytes: usedBytes(store),
    bounds: boundsOf(store),
  };
}
