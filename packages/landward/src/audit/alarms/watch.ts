/**
 * Denials in, alarms out: windows of time for rates, remembered keys for what was never seen.
 *
 * Time is the time of the denials, so that a log gives the same alarms as the live stream did. Memory is bounded: the
 * groups that were met last are kept, and no group keeps more than its threshold.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { concerns, fieldOf } from './match.ts';
import type { AlarmRule, Field } from './rule.ts';

/** Groups that a rule keeps. */
const GROUPS = 10_000;

/** An alarm. Its strings come from programs: escape before showing. */
export interface Alarm {
  readonly rule: AlarmRule;
  /** The time of the denial that raised it, milliseconds since 1970. */
  readonly time: number;
  readonly group: Readonly<Partial<Record<Field, string | null>>>;
  /** Denials, or different values, that came together; 1 for what was first seen. */
  readonly count: number;
  readonly event: DenialEvent;
}

/** Keys that were met before. */
export interface SeenKeys {
  /** Remembers a key. @returns whether it was new */
  add(rule: string, key: string, time: number): boolean;
}

/** Keys that are forgotten with the process. */
export function seenInMemory(): SeenKeys {
  const seen = new Set<string>();
  return {
    add(rule, key) {
      const name = `${rule}\0${key}`;
      if (seen.has(name)) return false;
      seen.add(name);
      return true;
    },
  };
}

interface Group {
  /** Values in the order of their last time. */
  readonly met: Map<string, number>;
  newest: number;
  alarmed: number;
}

/** Watches one stream of denials by a set of rules. */
export class Watch {
  readonly #rules: readonly AlarmRule[];
  readonly #seen: SeenKeys;
  readonly #groups = new Map<AlarmRule, Map<string, Group>>();
  #number = 0;

  /** @param seen what was met before this process; `seenInMemory()` forgets */
  constructor(rules: readonly AlarmRule[], seen: SeenKeys) {
    this.#rules = rules;
    this.#seen = seen;
    for (const rule of rules) this.#groups.set(rule, new Map());
  }

  /** Takes a denial in. @returns the alarms that it raises */
  observe(event: DenialEvent): readonly Alarm[] {
    const alarms: Alarm[] = [];
    for (const rule of this.#rules) {
      if (!concerns(rule, event)) continue;
      const alarm =
        rule.when.kind === 'rate' ? this.#rate(rule, rule.when, event) : this.#first(rule, rule.when, event);
      if (alarm !== undefined) alarms.push(alarm);
    }
    return alarms;
  }

  #first(
    rule: AlarmRule,
    { key }: { readonly key: readonly Field[] },
    event: DenialEvent,
  ): Alarm | undefined {
    const values = key.map((field) => [field, fieldOf(event, field)] as const);
    if (!this.#seen.add(rule.name, JSON.stringify(values.map(([, value]) => value)), event.time))
      return undefined;
    return { rule, time: event.time, group: Object.fromEntries(values), count: 1, event };
  }

  #rate(
    rule: AlarmRule,
    { threshold, window, distinct }: Extract<AlarmRule['when'], { kind: 'rate' }>,
    event: DenialEvent,
  ): Alarm | undefined {
    const values = rule.group.map((field) => [field, fieldOf(event, field)] as const);
    const group = this.#group(rule, JSON.stringify(values.map(([, value]) => value)));
    const { time } = event;
    const value = distinct === undefined ? String(this.#number++) : fieldOf(event, distinct);
    if (value === null || time <= group.newest - window) return undefined;
    // Put last: the oldest are in front. A denial that is told late still counts if its window holds it.
    const known = group.met.get(value);
    group.met.delete(value);
    group.met.set(value, Math.max(time, known ?? time));
    group.newest = Math.max(group.newest, time);
    for (const [old, when] of group.met)
      if (when <= group.newest - window || group.met.size > threshold) group.met.delete(old);
      else break;
    if (group.met.size < threshold || time < group.alarmed + rule.quiet) return undefined;
    group.alarmed = time;
    const count = group.met.size;
    group.met.clear();
    return { rule, time, group: Object.fromEntries(values), count, event };
  }

  #group(rule: AlarmRule, key: string): Group {
    const groups = this.#groups.get(rule)!;
    const found = groups.get(key) ?? {
      met: new Map(),
      newest: Number.NEGATIVE_INFINITY,
      alarmed: Number.NEGATIVE_INFINITY,
    };
    groups.delete(key);
    groups.set(key, found);
    if (groups.size > GROUPS) groups.delete(groups.keys().next().value!);
    return found;
  }
}
