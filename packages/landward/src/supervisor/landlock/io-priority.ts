/**
 * `ioprio_set` for a program whose threads are marked by their I/O priority: the call is made for it, thread by thread, and
 * each thread keeps its mark.
 *
 * Owns this one call. Where programs do not use Landlock the call is the kernel's, but for threads of landward.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type Call, CONTINUE, DONE, type Handler, must, refuse } from '../call.ts';
import { isMember } from '../processes/members.ts';
import { ownTid } from '../processes/pids.ts';
import { mustSpareLandward } from '../processes/scheduling.ts';
import { readNumber, withNumber } from './thread-number.ts';

const WHO_PROCESS = 1;
const WHO = [undefined, 'thread', 'group', 'user'] as const;
const HINTS = 0x1ff8;

export const ioprioSet: Handler = (call) => {
  const [which, who, priority] = [call.int(0), call.int(1), call.int(2)];
  const whom = WHO[which];
  if (whom !== undefined) mustSpareLandward(call, whom, who);
  if (call.run.plan.supervisor.landlock === undefined) return CONTINUE;
  // Groups and users are sets that can change meanwhile: a thread that is missed would lose its mark.
  if (which !== WHO_PROCESS) return refuse(which === 2 || which === 3 ? ERRNO.EPERM : ERRNO.EINVAL);
  const tid = who === 0 ? call.target.tid : ownTid(call, who);
  if (tid === null) return refuse(ERRNO.ESRCH);
  return call.target.as(() => set(call, tid, priority));
};

function set(call: Call, tid: number, priority: number) {
  const asked = priority & ~HINTS;
  if (!isMember(call, tid)) must(attempt('ioprio_set', WHO_PROCESS, tid, asked));
  else {
    const number = must(readNumber(tid));
    must(attempt('ioprio_set', WHO_PROCESS, tid, withNumber(asked, number)));
  }
  return DONE;
}
