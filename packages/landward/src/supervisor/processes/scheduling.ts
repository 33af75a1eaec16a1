/**
 * How processes are scheduled. A program of the same user may slow down any other, and so the supervisor: what is only seen
 * afterwards would then be seen late, and a time limit counted late.
 *
 * Owns that landward itself is not touched. All other processes are the kernel's to decide about.
 */

import { existsSync } from 'node:fs';
import { ERRNO } from '../../uapi/errno.ts';
import { type Answer, type Call, CONTINUE, type Handler, refuse } from '../call.ts';
import { isMember } from './members.ts';
import { ownPid, ownTid } from './pids.ts';
import { allPids, kinOf } from './tree.ts';

/** What a call means by a number. */
type Whom = 'thread' | 'group' | 'user';

/** Whether a thread is of this process, or of one that it has started and that is of no run: the guard. */
function isLandward(call: Call, tid: number): boolean {
  if (existsSync(`/proc/self/task/${tid}`)) return true;
  return kinOf(tid)?.parent === process.pid && !isMember(call, tid);
}

function meansLandward(call: Call, whom: Whom, number: number): boolean {
  switch (whom) {
    case 'thread': {
      const tid = number === 0 ? null : ownTid(call, number);
      return tid !== null && isLandward(call, tid);
    }
    case 'group': {
      const wanted = number === 0 ? kinOf(call.target.status().pid)?.group : ownPid(call, number);
      return allPids().some((pid) => kinOf(pid)?.group === wanted && isLandward(call, pid));
    }
    case 'user':
      return number === 0 || number === process.getuid?.();
  }
}

/**
 * Refuses to schedule landward otherwise.
 *
 * @throws {Refused} EPERM
 */
export function mustSpareLandward(call: Call, whom: Whom, number: number): void {
  if (meansLandward(call, whom, number)) refuse(ERRNO.EPERM);
}

/** A call whose first argument is a thread, or 0 for the caller. */
export const schedule: Handler = (call): Answer => {
  mustSpareLandward(call, 'thread', call.int(0));
  return CONTINUE;
};

const PRIORITIES: readonly Whom[] = ['thread', 'group', 'user'];

/** `setpriority`. What it does not know is the kernel's to refuse. */
export const setPriority: Handler = (call): Answer => {
  const whom = PRIORITIES[call.int(0)];
  if (whom !== undefined) mustSpareLandward(call, whom, call.int(1));
  return CONTINUE;
};
