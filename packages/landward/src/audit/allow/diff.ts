/** The difference of two texts as a unified diff with one hunk. Owns the format; both texts are small and nearly the same. */

import { escapeText } from '../../model/escape.ts';

const CONTEXT = 3;

/**
 * A unified diff, safe for a terminal; empty where the texts are the same.
 *
 * @param file what both sides are called
 */
export function unifiedDiff(before: string, after: string, file: string): string {
  if (before === after) return '';
  const [old, now] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail))
    tail++;
  const from = Math.max(0, head - CONTEXT);
  const oldEnd = Math.min(old.length, old.length - tail + CONTEXT);
  const nowEnd = Math.min(now.length, now.length - tail + CONTEXT);
  const shown = (sign: string, lines: readonly string[]) => lines.map((line) => `${sign}${escapeText(line)}`);
  return [
    `--- ${escapeText(file)}`,
    `+++ ${escapeText(file)}`,
    `@@ -${from + 1},${oldEnd - from} +${from + 1},${nowEnd - from} @@`,
    ...shown(' ', old.slice(from, head)),
    ...shown('-', old.slice(head, old.length - tail)),
    ...shown('+', now.slice(head, now.length - tail)),
    ...shown(' ', old.slice(old.length - tail, oldEnd)),
    '',
  ].join('\n');
}
