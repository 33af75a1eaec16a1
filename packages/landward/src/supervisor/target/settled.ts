/**
 * Whether the filter of a plan keeps its programs in the user namespace and below the root directory that they begin with,
 * or tells of the change first: then both are looked at once a run.
 *
 * Asks the filter itself. Owns no state.
 */

import { decodeAction } from '../../filter/action.ts';
import { encodeCall, interpret } from '../../filter/interpret.ts';
import { unpackProgram } from '../../filter/program.ts';
import type { Plan } from '../../policy/plan.ts';
import { AUDIT_ARCH } from '../../uapi/audit-arch.ts';
import { CLONE } from '../../uapi/clone.ts';
import { type SyscallName, syscallNumber } from '../../uapi/syscalls.ts';

type Probe = readonly [name: SyscallName, ...args: number[]];

/** Calls that lead to another user namespace, or change the root of all. */
const REFUSED: readonly Probe[] = [
  ['unshare', CLONE.NEWUSER],
  ['unshare', CLONE.NEWNS],
  ['setns', 3, 0],
  ['setns', 3, CLONE.NEWUSER],
  ['clone', CLONE.NEWUSER],
  ['clone', CLONE.NEWNS],
  ['clone3'],
  ['pivot_root'],
];

/** Calls that change the caller's root. */
const TOLD: readonly Probe[] = [['chroot'], ['fchroot', 3]];

/** Whether root and user namespace of a plan's programs stay what they are, until `changesRoot`. */
export function isSettled({ arch, filter }: Pick<Plan, 'arch' | 'filter'>): boolean {
  if (filter === null) return false;
  const program = unpackProgram(filter);
  const answer = ([name, ...args]: Probe): 'errno' | 'notify' | 'other' => {
    const nr = syscallNumber(arch, name);
    // What the architecture does not have, its programs cannot call.
    if (nr === undefined) return 'errno';
    const { kind } = decodeAction(interpret(program, encodeCall({ nr, arch: AUDIT_ARCH[arch], args })));
    return kind === 'errno' || kind === 'notify' ? kind : 'other';
  };
  return (
    REFUSED.every((probe) => answer(probe) === 'errno') && TOLD.every((probe) => answer(probe) !== 'other')
  );
}
