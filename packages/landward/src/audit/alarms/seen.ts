/** What alarms remember in the store: keys that were met, and how often each rule alarmed. */

import { microseconds } from '../store/row.ts';
import { inTransaction } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { SeenKeys } from './watch.ts';

/** Keys that a rule remembers; with more, the oldest are forgotten and can alarm again. */
const KEYS = 100_000;

/** Keys in the store: several watchers share them, and a restart does not forget. */
export function seenInStore(store: Store): SeenKeys {
  return {
    add(rule, key, time) {
      const add = store.prepare('INSERT OR IGNORE INTO seen (rule, key, time) VALUES (?, ?, ?)');
      if (add.run(rule, key, microseconds(time)).changes === 0) return false;
      store
        .prepare(
          `DELETE FROM seen WHERE rule = ?1 AND key IN (SELECT key FROM seen WHERE rule = ?1 ORDER BY time
           LIMIT max(0, (SELECT count(*) FROM seen WHERE rule = ?1) - ?2))`,
        )
        .run(rule, KEYS);
      return true;
    },
  };
}

/** Counts an alarm. */
export function countAlarm(store: Store, rule: string, time: number): void {
  store
    .prepare(
      `INSERT INTO alarm (rule, count, last) VALUES (?, 1, ?)
       ON CONFLICT DO UPDATE SET count = count + 1, last = max(last, excluded.last)`,
    )
    .run(rule, microseconds(time));
}

/** How often each rule alarmed, by name. */
export function alarmCounts(store: Store): readonly { readonly rule: string; readonly count: number }[] {
  return store
    .prepare('SELECT rule, count FROM alarm ORDER BY rule')
    .all()
    .map((row) => ({ rule: row.rule as string, count: row.count as number }));
}

/** Forgets the keys of a rule, so that all are new again. */
export function forgetSeen(store: Store, rule: string): void {
  inTransaction(store.database, () => store.prepare('DELETE FROM seen WHERE rule = ?').run(rule));
}
