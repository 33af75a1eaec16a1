/**
 * The few words that counts are kept by: every value is from a known set, so that no program can make a store or a
 * metrics server grow by inventing names. What is not in the set is `other`.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { FS_RIGHTS, NET_RIGHTS, SCOPES } from '../../uapi/landlock.ts';
import { isSyscallName } from '../../uapi/syscalls.ts';

/** Every right that a denial can name, in audit spelling. */
export const KNOWN_RIGHTS: ReadonlySet<string> = new Set([
  ...Object.keys(FS_RIGHTS),
  ...Object.keys(NET_RIGHTS),
  ...Object.keys(SCOPES),
  'fs',
  'fs.change_topology',
  'ptrace',
  'unix.connect',
  'unix.bind',
  'meta.stat',
  'meta.list',
  'meta.write',
]);

/** The value for what is not in a set. */
export const OTHER = 'other';

/** The words that an event is counted under. */
export interface EventLabels {
  readonly source: string;
  readonly effect: string;
  /** The system call, `other`, or empty where the teller did not know it. */
  readonly operation: string;
  readonly object: string;
  /** Each right once. */
  readonly rights: readonly string[];
}

/** The labels of an event. */
export function labelsOf({ source, effect, operation, object, missing }: DenialEvent): EventLabels {
  const rights = new Set(missing.map((right) => (KNOWN_RIGHTS.has(right) ? right : OTHER)));
  return {
    source,
    effect,
    operation: operation === undefined ? '' : isSyscallName(operation) ? operation : OTHER,
    object: object.kind,
    rights: [...rights],
  };
}
