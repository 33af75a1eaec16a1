/**
 * The resource limits that a started program gets: those of the plan, and the number of open files that the caller of
 * Node had before Node raised it at its own start.
 *
 * Owns the question of values; the system calls are in `steps.ts`.
 */

import { readFileSync } from 'node:fs';

/** A soft and a hard limit; `null` is no limit. */
export interface Limit {
  readonly soft: bigint | null;
  readonly hard: bigint | null;
}

/**
 * The limit on open files of a process, from its /proc page.
 *
 * @param pid a process id or `self`
 * @returns `undefined` when the page cannot be read
 */
export function openFilesLimit(pid: number | 'self'): Limit | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/limits`, 'utf8');
  } catch {
    return undefined;
  }
  const found = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text);
  if (found === null) return undefined;
  const value = (word: string) => (word === 'unlimited' ? null : BigInt(word));
  return { soft: value(found[1]!), hard: value(found[2]!) };
}

/**
 * The soft limit on open files to give back, or `undefined` when there is nothing to give back.
 *
 * Node raises its soft limit to the hard one and tells nobody what it was. The best witness is the parent (a shell, as a
 * rule), whose limit a child inherits. It is believed only if Node did raise (soft equals hard) and the parent's is lower.
 */
export function softOpenFilesBefore(
  own = openFilesLimit('self'),
  parent = openFilesLimit(process.ppid),
): bigint | undefined {
  if (own === undefined || parent === undefined || own.soft !== own.hard) return undefined;
  if (parent.soft === null || (own.hard !== null && parent.soft >= own.hard)) return undefined;
  return parent.soft;
}
