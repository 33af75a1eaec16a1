/**
 * One look at what is happening: denials of the last minutes by domain, program and right, as the lines of a screen.
 *
 * Owns what is shown and how it fits; drawing again and again is `screen.ts`.
 */

import { escapeText } from '../../model/escape.ts';
import { describeEvent } from '../event-text.ts';
import type { Filter } from './filter.ts';
import { lastEvents } from './query.ts';
import { type Counted, statsOf } from './stats.ts';
import type { Store } from './store.ts';
import { clock, coverageLines, spark } from './words.ts';

/** The size of a screen, in characters. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** How far back a look goes, milliseconds. */
export const SPAN = 15 * 60_000;

/** A look: lines that fit the screen, no line longer than it is wide. */
export function topLines(
  store: Store,
  filter: Filter,
  now: number,
  { columns, rows }: ScreenSize,
): readonly string[] {
  const recent = { ...filter, since: Math.max(filter.since ?? 0, now - SPAN) };
  const each = Math.max(3, Math.floor((rows - 10) / 2));
  const { total, rate, programs, rights, objects, runs, coverage } = statsOf(store, recent, each);
  const perMinute = (total / (SPAN / 60_000)).toFixed(1);
  const missing = coverageLines(coverage);
  const lines = [
    `landward top  ${clock(now)}  ${total} denials in 15 min, ${perMinute}/min  ${spark(rate.counts)}`,
    missing.length === 0 ? 'nothing is known to be missing' : `not covered: ${missing.join('; ')}`,
    '',
    ...beside(
      [
        ['DOMAINS', domainsOf(store, recent, each)],
        ['PROGRAMS', programs],
      ],
      columns,
    ),
    '',
    ...beside(
      [
        ['RIGHTS', rights],
        [objects.length > 0 || runs.length === 0 ? 'OBJECTS' : 'RUNS', objects.length > 0 ? objects : runs],
      ],
      columns,
    ),
    '',
  ];
  const left = Math.max(0, rows - lines.length - 1);
  if (left > 1)
    lines.push(
      'LAST',
      ...[...lastEvents(store, recent, left - 1)]
        .reverse()
        .map(({ event }) => `${clock(event.time).slice(11)} ${describeEvent(event)}`),
    );
  return lines.slice(0, rows).map((line) => cut(line, columns));
}

function domainsOf(store: Store, filter: Filter, top: number): readonly Counted[] {
  const sums = new Map<string, number>();
  // The screen shows few: the newest thousand say which domains are busy.
  for (const { event } of lastEvents(store, filter, 1000)) {
    const { domain, run } = event;
    const name =
      run !== undefined
        ? `run ${run}`
        : domain === undefined
          ? 'unknown'
          : domain.kind === 'kernel'
            ? domain.id.toString(16)
            : domain.id;
    sums.set(name, (sums.get(name) ?? 0) + 1);
  }
  return [...sums]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count)
    .slice(0, top);
}

/** Two lists next to each other. */
function beside(
  lists: readonly (readonly [string, readonly Counted[]])[],
  columns: number,
): readonly string[] {
  const width = Math.floor(columns / 2);
  const height = Math.max(...lists.map(([, list]) => list.length)) + 1;
  const side = ([title, list]: readonly [string, readonly Counted[]], line: number) => {
    const found = list[line - 1];
    if (line === 0) return title;
    return found === undefined ? '' : `${String(found.count).padStart(6)} ${escapeText(found.name)}`;
  };
  return Array.from({ length: height }, (_, line) =>
    lists
      .map((list) => cut(side(list, line), width - 1))
      .map((text) => text + ' '.repeat(Math.max(0, width - widthOf(text))))
      .join('')
      .trimEnd(),
  );
}

/** The beginning of a line, with a mark where it goes on. Wide characters are counted as two. */
function cut(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  let kept = '';
  let width = 0;
  for (const character of line) {
    width += isWide(character) ? 2 : 1;
    if (width > columns - 1) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : '';
}

/** The columns that a text takes. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += isWide(character) ? 2 : 1;
  return width;
}

function isWide(character: string): boolean {
  return /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
    character,
  );
}
