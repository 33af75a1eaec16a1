/** Denials printed as records of the kernel, and an account of those that have no record. Owns counting these. */

import { LandwardError } from '../../errors.ts';
import type { DenialEvent } from '../../model/denial.ts';
import { RECORD_FORMATS, type RecordFormat, renderEvent } from '../render.ts';

/**
 * A printer of records.
 *
 * @param word `2023` or `audit`
 * @returns a line for each denial, empty where it has none; and the account of these, for standard error
 * @throws LandwardError USAGE for another word
 */
export function recordLines(word: string): {
  readonly line: (event: DenialEvent) => string;
  readonly finish: () => string;
} {
  const format = RECORD_FORMATS.find((each) => each === word) as RecordFormat | undefined;
  if (format === undefined)
    throw new LandwardError('USAGE', `There is no format "${word}"`, {
      part: word,
      fix: `Write --format ${RECORD_FORMATS.join(' or --format ')}`,
    });
  const without = new Map<string, number>();
  return {
    line(event) {
      const rendered = renderEvent(event, format);
      if (rendered.ok) return `${rendered.line}\n`;
      without.set(rendered.reason, (without.get(rendered.reason) ?? 0) + 1);
      return '';
    },
    finish: () =>
      [...without].map(([reason, count]) => `landward: ${count} without a record: ${reason}\n`).join(''),
  };
}
