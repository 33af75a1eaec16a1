/** Times and users as people write them in a question. Owns these words; what is done with them is `filter.ts`. */

import { readFileSync } from 'node:fs';
import { LandwardError } from '../../errors.ts';
import { readDuration } from '../../policy/units.ts';

/**
 * A point in time.
 *
 * @param text `2h` (so long ago), `today`, `yesterday`, a date, a date with a time (of this time zone unless it says another)
 * @param now milliseconds since 1970
 * @returns milliseconds since 1970
 * @throws LandwardError USAGE for anything else
 * @example readTime('2h', Date.now())
 */
export function readTime(text: string, now: number): number {
  const ago = readDuration(text);
  if (ago !== null) return now - ago;
  if (text === 'now') return now;
  if (text === 'today' || text === 'yesterday') {
    const day = new Date(now);
    day.setHours(0, 0, 0, 0);
    if (text === 'yesterday') day.setDate(day.getDate() - 1);
    return day.getTime();
  }
  const match =
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(
      text,
    );
  // A date alone is read as UTC by the language, and means midnight here.
  const time =
    match === null
      ? Number.NaN
      : Date.parse(match[4] === undefined ? `${text}T00:00:00` : text.replace(' ', 'T'));
  if (Number.isNaN(time))
    throw new LandwardError('USAGE', `"${text}" is no time`, {
      part: text,
      fix: 'Write 30m, 2h, 7d, today, yesterday, 2026-11-22 or 2026-11-22T08:30',
    });
  return time;
}

/**
 * The number of a user.
 *
 * @param word a number, or a name of this host's user file
 * @throws LandwardError USAGE for a name that is not there
 */
export function readUser(word: string, file = '/etc/passwd'): number {
  if (/^\d{1,10}$/.test(word)) return Number(word);
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [name, , uid] = line.split(':');
    if (name === word && uid !== undefined) return Number(uid);
  }
  throw new LandwardError('USAGE', `There is no user "${word}" in ${file}`, {
    part: word,
    fix: 'Give the number of the user',
  });
}
