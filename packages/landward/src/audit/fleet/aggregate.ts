/**
 * Counts of many hosts that can be merged in any order, any number of times, in any grouping: for each store and label the
 * largest count that was seen. Counts of one store only grow, so the largest is the newest.
 *
 * Owns merging and adding up. Holds no path, program, user or host: labels are from known sets, a store's name is random.
 */

import { LandwardError } from '../../errors.ts';
import { alarmCounts } from '../alarms/seen.ts';
import { count, list, oneOf, readShape, record, type Shape, text } from '../shape.ts';
import { prunedOf } from '../store/bounds.ts';
import type { Store } from '../store/store.ts';

/** What is counted. */
export const COUNTERS = {
  denials: ['source', 'effect', 'operation', 'object'],
  rights: ['source', 'effect', 'right', 'object'],
  lost: ['source', 'what'],
  uncounted: ['source', 'what'],
  pruned: [],
  alarms: ['alarm'],
} as const;
export type CounterName = keyof typeof COUNTERS;

/** Counts of one store: by counter and labels (`JSON.stringify` of the counter's name and its labels in order). */
export type Counts = ReadonlyMap<string, number>;

/** Counts of any number of stores, by the store's random name. */
export type Aggregate = ReadonlyMap<string, Counts>;

/** The key of a counter with labels. */
export function counterKey(counter: CounterName, labels: readonly string[]): string {
  return JSON.stringify([counter, ...labels]);
}

/** The parts of a key. */
export function readKey(key: string): { readonly counter: CounterName; readonly labels: readonly string[] } {
  const [counter, ...labels] = JSON.parse(key) as [CounterName, ...string[]];
  return { counter, labels };
}

/** The counts of a store. They outlive the denials, and never fall. */
export function aggregateOf(store: Store): Aggregate {
  const counts = new Map<string, number>();
  const add = (counter: CounterName, labels: readonly string[], sum: number) => {
    if (sum > 0) counts.set(counterKey(counter, labels), sum);
  };
  const rows = store
    .prepare(
      `SELECT source, effect, "right", operation, object, sum(count) AS sum FROM tally
       GROUP BY source, effect, "right", operation, object`,
    )
    .all() as unknown as Readonly<
    Record<'source' | 'effect' | 'right' | 'operation' | 'object', string> & { sum: number }
  >[];
  for (const { source, effect, right, operation, object, sum } of rows)
    if (right === '') add('denials', [source, effect, operation, object], sum);
    else add('rights', [source, effect, right, object], sum);
  const losses = store.prepare('SELECT source, what, records, uncounted FROM loss_tally').all();
  for (const { source, what, records, uncounted } of losses) {
    add('lost', [String(source), String(what)], Number(records));
    add('uncounted', [String(source), String(what)], Number(uncounted));
  }
  add('pruned', [], prunedOf(store));
  for (const { rule, count: sum } of alarmCounts(store)) add('alarms', [rule], sum);
  return new Map([[store.instance, counts]]);
}

/**
 * Merges counts. `merge(a, b)` equals `merge(b, a)`, `merge(a, merge(b, c))` equals `merge(merge(a, b), c)`, and
 * `merge(a, a)` equals `a`.
 */
export function merge(...aggregates: readonly Aggregate[]): Aggregate {
  const merged = new Map<string, Map<string, number>>();
  for (const aggregate of aggregates)
    for (const [instance, counts] of aggregate) {
      const into = merged.get(instance) ?? new Map<string, number>();
      merged.set(instance, into);
      for (const [key, sum] of counts) into.set(key, Math.max(sum, into.get(key) ?? 0));
    }
  return merged;
}

/** The counts of all stores together. */
export function totals(aggregate: Aggregate): Counts {
  const sums = new Map<string, number>();
  for (const counts of aggregate.values())
    for (const [key, sum] of counts) sums.set(key, (sums.get(key) ?? 0) + sum);
  return sums;
}

const AGGREGATE: Shape<{
  readonly version: 1;
  readonly stores: readonly {
    readonly instance: string;
    readonly counts: readonly (readonly [string, number])[];
  }[];
}> = record(
  {
    version: oneOf(1),
    stores: list(
      record(
        {
          instance: text,
          counts: list(
            (value, at) =>
              [text((value as unknown[])?.[0], at), count((value as unknown[])?.[1], at)] as const,
          ),
        },
        {},
      ),
    ),
  },
  {},
);

/** The JSON form; the same counts are the same text. */
export function aggregateToJson(aggregate: Aggregate): string {
  const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const stores = sorted(aggregate).map(([instance, counts]) => ({ instance, counts: sorted(counts) }));
  return JSON.stringify({ version: 1, stores });
}

/** The sums over all stores, as JSON for people and programs that only want these. */
export function totalsToJson(aggregate: Aggregate): string {
  const counts = [...totals(aggregate)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, sum]) => {
      const { counter, labels } = readKey(key);
      const names: readonly string[] = COUNTERS[counter];
      return {
        counter,
        ...Object.fromEntries(names.map((name, index) => [name, labels[index]!])),
        count: sum,
      };
    });
  return JSON.stringify({ stores: aggregate.size, counts }, null, 2);
}

/**
 * Reads the JSON form.
 *
 * @param file the name that a person knows it by
 * @throws LandwardError CONFIG_INVALID for a text that is none
 */
export function aggregateFromJson(file: string, json: string): Aggregate {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  const read = readShape(AGGREGATE, value);
  const reason = read.ok ? wrongKey(read.value.stores.flatMap(({ counts }) => counts)) : read.reason;
  if (!read.ok || reason !== undefined)
    throw new LandwardError('CONFIG_INVALID', `${file} holds no counts: ${reason}`, { part: file });
  return merge(...read.value.stores.map(({ instance, counts }) => new Map([[instance, new Map(counts)]])));
}

function wrongKey(counts: readonly (readonly [string, number])[]): string | undefined {
  for (const [key] of counts) {
    let parts: unknown;
    try {
      parts = JSON.parse(key);
    } catch {
      return 'a name of a counter cannot be read';
    }
    if (
      !Array.isArray(parts) ||
      parts.some((part) => typeof part !== 'string') ||
      !Object.hasOwn(COUNTERS, parts[0])
    )
      return 'a counter is not known';
    if (parts.length - 1 !== COUNTERS[parts[0] as CounterName].length) return 'a counter has other labels';
  }
  return undefined;
}
