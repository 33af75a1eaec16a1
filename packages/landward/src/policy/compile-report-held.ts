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

/** Rights that the supervisor holds under a feature of their own. */
export const SUPERVISES: Partial<Record<FsRight, Feature>> = {
  'fs.truncate': 'fs.truncate',
  'fs.ioctl_dev': 'fs.ioctl_dev',
  'fs.resolve_unix': 'unix.connect',
};
