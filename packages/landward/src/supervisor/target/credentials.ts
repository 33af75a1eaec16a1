/**
 * Calls by which a target becomes somebody else. The kernel decides them; the supervisor only has to know, because it acts
 * for targets with their identity.
 */

import { type Call, type CallRow, type CallTable, CONTINUE } from '../call.ts';

const row: CallRow = {
  handle: (call: Call) => {
    call.target.changesIdentity();
    return CONTINUE;
  },
  held: 'registers',
  residual: '',
};

const newRoot: CallRow = {
  handle: (call: Call) => {
    call.target.changesRoot();
    return CONTINUE;
  },
  held: 'registers',
  residual: '',
};

/** Handlers of the group `credential`, but for those that other tables own: `chroot` and `prctl`. */
export const CREDENTIAL_CALLS = {
  setuid: row,
  setgid: row,
  setreuid: row,
  setregid: row,
  setresuid: row,
  setresgid: row,
  setfsuid: row,
  setfsgid: row,
  setgroups: row,
  capset: row,
  fchroot: newRoot,
} as const satisfies CallTable;
