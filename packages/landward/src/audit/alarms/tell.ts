/**
 * An alarm for a person, for a program, and to a hook: a program that gets it as JSON.
 *
 * Owns how alarms leave. A hook is started without a shell and with nothing of an event in its arguments or environment;
 * it can't hold up the watching: there are bounds for time and number, and what they cost is counted.
 */

import { spawn } from 'node:child_process';
import { escapeText, quote } from '../../model/escape.ts';
import { eventToJson } from '../event.ts';
import { describeEvent } from '../event-text.ts';
import type { Alarm } from './watch.ts';

/** The JSON form of an alarm: one line of `watch --json`, and what a hook reads. */
export function alarmToJson({ rule, time, group, count, event }: Alarm): object {
  return {
    version: 1,
    kind: 'alarm',
    alarm: rule.name,
    say: rule.say,
    severity: rule.severity,
    time,
    group,
    count,
    event: eventToJson(event),
  };
}

/** An alarm in two lines, escaped. */
export function describeAlarm({ rule, time, group, count, event }: Alarm): string {
  const who = Object.entries(group)
    .map(([field, value]) => `${field} ${value === null ? 'unknown' : quote(value)}`)
    .join(', ');
  const often = rule.when.kind === 'rate' && rule.when.threshold > 1 ? `, ${count} times` : '';
  return `${new Date(time).toISOString()} ${rule.severity} ${rule.name}: ${escapeText(rule.say)}${often} (${who})\n  ${describeEvent(event)}\n`;
}

/** Hooks that run at once, that wait, and how long each may take. */
const AT_ONCE = 4;
const WAITING = 256;
const MILLISECONDS = 30_000;

/** Starts hooks, a few at a time. */
export class Hooks {
  readonly #waiting: Alarm[] = [];
  readonly #running = new Set<Promise<void>>();
  #dropped = 0;
  #failed = 0;

  /** Hooks that were not started because too many waited, and those that failed. */
  get counts(): { readonly dropped: number; readonly failed: number } {
    return { dropped: this.#dropped, failed: this.#failed };
  }

  /** Starts the hook of an alarm, now or later; nothing where its rule has none. */
  start(alarm: Alarm): void {
    if (alarm.rule.exec === undefined) return;
    if (this.#waiting.length >= WAITING) this.#dropped++;
    else this.#waiting.push(alarm);
    this.#next();
  }

  /** Waits for all hooks. */
  async finish(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #next(): void {
    while (this.#running.size < AT_ONCE) {
      const alarm = this.#waiting.shift();
      if (alarm === undefined) return;
      const done = runHook(alarm).then((ok) => {
        if (!ok) this.#failed++;
        this.#running.delete(done);
        this.#next();
      });
      this.#running.add(done);
    }
  }
}

/** @returns whether the hook ended well */
function runHook(alarm: Alarm): Promise<boolean> {
  return new Promise((ended) => {
    const [command, ...args] = alarm.rule.exec!;
    const { PATH = '/usr/bin:/bin', HOME = '/', LANG = 'C.UTF-8' } = process.env;
    const child = spawn(command!, args, {
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { PATH, HOME, LANG },
      timeout: MILLISECONDS,
      killSignal: 'SIGKILL',
    });
    child.once('error', () => ended(false));
    child.once('close', (code) => ended(code === 0));
    child.stdin.on('error', () => {}); // A hook may end without reading.
    child.stdin.end(`${JSON.stringify(alarmToJson(alarm))}\n`);
  });
}
