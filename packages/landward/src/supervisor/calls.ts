/**
 * Every call that the supervisor answers, merged from the rooms that own them. A call belongs to one table: two owners
 * are a defect that is found when this is loaded.
 */

import { bug } from '../errors.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import type { CallRow, CallTable } from './call.ts';
import { CONTROL_CALLS } from './control/tables.ts';
import { CHANGE_CALLS } from './files/change-tables.ts';
import { FILE_CALLS } from './files/tables.ts';
import { LANDLOCK_CALLS } from './landlock/tables.ts';
import { PROCESS_CALLS } from './processes/tables.ts';
import { SOCKET_CALLS } from './sockets/tables.ts';
import { CREDENTIAL_CALLS } from './target/credentials.ts';

/** Merges tables. */
export function mergeTables(...tables: readonly CallTable[]): CallTable {
  const merged: Partial<Record<SyscallName, CallRow>> = {};
  for (const table of tables)
    for (const [name, row] of Object.entries(table) as [SyscallName, CallRow][]) {
      if (merged[name] !== undefined) bug(`${name} has two handlers`);
      merged[name] = row;
    }
  return merged;
}

/** The calls and how each is held. */
export const CALLS: CallTable = mergeTables(
  CHANGE_CALLS,
  FILE_CALLS,
  SOCKET_CALLS,
  PROCESS_CALLS,
  LANDLOCK_CALLS,
  CONTROL_CALLS,
  CREDENTIAL_CALLS,
);
