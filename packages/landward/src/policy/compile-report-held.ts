/** What the supervisor holds, as the report of a plan says it. Owns the sentence and which right belongs to which feature. */

import type { FsRight } from '../uapi/landlock.ts';
import type { Feature } from './features.ts';
import type { Gap } from './plan.ts';

/** The notes about the supervisor's part; none where it has no part. */
export function supervisedNote(held: readonly Gap[]): readonly string[] {
  if (held.length === 0) return [];
  const features = [...new Set(held.map(({ feature }) => feature))].join(', ');
  return [`The supervisor stays beside the program and holds ${features}`];
}

/**
 * What a closed host name leaves open. Addresses are not names: only those that a name server gives are known to be a name's.
 */
export function openedByAddress(held: readonly Gap[]): readonly string[] {
  const closed = held.flatMap(({ rule }) =>
    rule?.kind === 'net' && rule.verdict !== 'allow' && rule.host.kind === 'name' ? [rule.host.name] : [],
  );
  if (closed.length === 0) return [];
  return [
    `a closed host name (${[...new Set(closed)].join(', ')}) is not found by its name, and not reached at the addresses that it was seen to have when the program started (of a wildcard, none); other addresses of that host are reached where a rule allows them`,
  ];
}

/** Rights that the supervisor holds under a feature of their own. */
export const SUPERVISES: Partial<Record<FsRight, Feature>> = {
  'fs.truncate': 'fs.truncate',
  'fs.ioctl_dev': 'fs.ioctl_dev',
  'fs.resolve_unix': 'unix.connect',
};
