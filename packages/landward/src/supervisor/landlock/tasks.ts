/** Other threads as the model sees them: their process and their domain in this run. Owns no decision. */

import { type Task, UNRESTRICTED } from '../../model/landlock/index.ts';
import type { Call } from '../call.ts';
import { isMember } from '../processes/members.ts';
import { readStatus } from '../target/status.ts';
import type { LandlockRun } from './landlock-run.ts';

/** A thread; `null` where there is none. Threads of other runs and of none have no domain here. */
export function taskOf(call: Call, landlock: LandlockRun, tid: number): Task | null {
  const pid = tid === call.target.tid ? call.target.status().pid : pidOf(tid);
  if (pid === null) return null;
  const state = isMember(call, tid) ? landlock.state(tid) : undefined;
  const credential = state === undefined ? UNRESTRICTED : landlock.lazily(state.credential, tid);
  return { process: landlock.process(pid), credential };
}

function pidOf(tid: number): number | null {
  try {
    return readStatus(tid).pid;
  } catch {
    return null;
  }
}
