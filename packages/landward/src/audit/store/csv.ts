/**
 * Denials as CSV (RFC 4180), safe to open in a spreadsheet.
 *
 * A text that a spreadsheet would take for a formula gets an apostrophe in front; control characters are spelled out, so
 * that one denial is one line. Owns the format only.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { escapeText } from '../../model/escape.ts';
import { type Cell, COLUMN_NAMES, COLUMNS } from './columns.ts';

/** The line of the columns' names. */
export function csvHeader(): string {
  return `${COLUMN_NAMES.join(',')}\r\n`;
}

/** The line of a denial. */
export function csvLine(event: DenialEvent): string {
  const cells = COLUMN_NAMES.map((name) => {
    const value: Cell = COLUMNS[name].of(event);
    return COLUMNS[name].type === 'time' ? csvCell(isoTime(event.time)) : csvCell(value);
  });
  return `${cells.join(',')}\r\n`;
}

/**
 * One cell.
 *
 * @example csvCell('=1+1') // '"\'=1+1"'
 */
export function csvCell(value: Cell): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = escapeText(value);
  // What starts a formula, also behind the spaces that some programs cut; full-width forms are taken for the same signs.
  const guarded = /^\s*[=+\-@\uff0b\uff0d\uff1d\uff20|%]/.test(safe) ? `'${safe}` : safe;
  return `"${guarded.replaceAll('"', '""')}"`;
}

/** A time as text; one that no calendar has, as the number. */
function isoTime(time: number): string {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time);
}
