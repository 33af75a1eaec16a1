/**
 * What the kernel would ask of the target itself where the supervisor acts in its place: may this user signal or look into
 * that process. The supervisor may be more privileged than its target; what it does for the target must not be.
 *
 * Owns these two checks, strict where the kernel has more cases.
 */

import { statSync } from 'node:fs';
import type { Call } from '../call.ts';
import { usersOf } from './tree.ts';

const CAP_KILL = 5n;
const CAP_SYS_PTRACE = 19n;

/** Whether the target's user may signal a process. */
export function maySignal({ target }: Call, pid: number): boolean {
  const { uid, euid, capabilities } = target.status();
  if (has(capabilities, CAP_KILL)) return true;
  const users = usersOf(pid);
  return users !== null && [users[0], users[2]].some((other) => other === uid || other === euid);
}

/** Whether the target's user may look into a process: the same user throughout, and one that can be looked into. */
export function mayLookInto({ target }: Call, pid: number): boolean {
  const { uid, capabilities } = target.status();
  if (has(capabilities, CAP_SYS_PTRACE)) return true;
  const users = usersOf(pid);
  return users?.every((other) => other === uid) === true && ownerOf(pid) === uid;
}

/** procfs gives what is not dumpable to root. */
function ownerOf(pid: number): number | null {
  try {
    return statSync(`/proc/${pid}/mem`).uid;
  } catch {
    return null;
  }
}

function has(capabilities: bigint, capability: bigint): boolean {
  return ((capabilities >> capability) & 1n) === 1n;
}
