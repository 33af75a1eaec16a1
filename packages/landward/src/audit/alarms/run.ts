/**
 * Watching: denials of sources and of the registry go into the store and through the rules; alarms are told, counted, and
 * given to hooks. Owns the order: what was told before a restart is not told again.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { followStore } from '../store/follow.ts';
import { ingestWords } from '../store/gather.ts';
import { findEvents, lastId } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import type { AlarmRule } from './rule.ts';
import { countAlarm, seenInStore } from './seen.ts';
import { Hooks } from './tell.ts';
import { type Alarm, Watch } from './watch.ts';

/** How a watch goes. */
export interface WatchOptions {
  readonly rules: readonly AlarmRule[];
  readonly sources: readonly string[];
  readonly registry: boolean;
  /** Reads what there is to its end and ends, instead of following. */
  readonly once: boolean;
  /** Remembers what is seen and raises no alarm. */
  readonly learn: boolean;
  readonly signal?: AbortSignal;
  readonly ready?: () => void;
}

/**
 * Watches until the signal aborts, or with `once` until all is read.
 *
 * @param tell called for each alarm
 * @returns how many hooks failed or were not started
 */
export async function runWatch(
  store: Store,
  options: WatchOptions,
  tell: (alarm: Alarm) => void,
): Promise<{ readonly dropped: number; readonly failed: number }> {
  const { rules, sources, registry, once, learn } = options;
  const watch = new Watch(rules, seenInStore(store));
  const hooks = new Hooks();
  const observe = (event: DenialEvent) => {
    for (const alarm of watch.observe(event)) {
      if (learn) continue;
      countAlarm(store, alarm.rule.name, alarm.time);
      tell(alarm);
      hooks.start(alarm);
    }
  };
  if (once) {
    const after = Number(store.meta('watched') ?? 0);
    await ingestWords(store, { sources, registry });
    const until = lastId(store);
    // Observing writes what was seen, which must not happen while the answer is still being read.
    for (let last = after; last < until; ) {
      const some = [...findEvents(store, { after: last }, { order: 'arrival', limit: 1000 })];
      for (const { event } of some) observe(event);
      last = some.at(-1)?.id ?? until;
    }
    store.setMeta('watched', String(until));
  } else {
    const signal = options.signal ?? new AbortController().signal;
    const ready = options.ready === undefined ? {} : { ready: options.ready };
    await followStore(store, { sources, registry, filter: {}, signal, ...ready }, observe);
    store.setMeta('watched', String(lastId(store)));
  }
  await hooks.finish();
  return hooks.counts;
}
