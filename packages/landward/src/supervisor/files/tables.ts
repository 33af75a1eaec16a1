/** The calls that find and open files, merged from their handlers. */

import type { CallTable } from '../call.ts';
import { EXECUTE_CALLS } from './execute.ts';
import { FIND_CALLS } from './find.ts';
import { LIST_CALLS } from './list.ts';
import { OPEN_CALLS } from './open.ts';

/** Handlers of the groups `open`, `find`, `list` and `execute`. */
export const FILE_CALLS = {
  ...OPEN_CALLS,
  ...EXECUTE_CALLS,
  ...FIND_CALLS,
  ...LIST_CALLS,
} as const satisfies CallTable;
