/**
 * `prctl` as far as the supervisor must know of it: no_new_privs, which a supervised process may have without having asked
 * for it, being dumpable, without which nothing can be looked at, and what takes capabilities away at the next execve.
 *
 * Owns these operations. All others are the kernel's and are not asked about.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { PR_LANDWARD } from '../../uapi/landward.ts';
import { PR } from '../../uapi/prctl.ts';
import { type Answer, type Call, CONTINUE, DONE, type Handler, refuse } from '../call.ts';
import { ask } from '../control/operations.ts';
import { landlockOf } from './landlock-run.ts';

export const prctl: Handler = (call) => {
  switch (call.int(0)) {
    case PR_LANDWARD:
      return ask(call);
    case PR.SET_DUMPABLE:
      // 2 is the kernel's own; a process that could not be looked at could only be refused everything.
      return call.arg(1) > 1 ? refuse(ERRNO.EINVAL) : DONE;
    case PR.SET_NO_NEW_PRIVS:
      return call.run.plan.supervisor.landlock === undefined ? CONTINUE : setNoNewPrivs(call);
    case PR.GET_NO_NEW_PRIVS:
      return call.run.plan.supervisor.landlock === undefined ? CONTINUE : getNoNewPrivs(call);
    case PR.CAPBSET_DROP:
    case PR.SET_SECUREBITS:
      call.target.changesIdentity();
      return CONTINUE;
    default:
      return CONTINUE;
  }
};

function setNoNewPrivs(call: Call): Answer {
  if (call.arg(1) !== 1 || call.arg(2) !== 0 || call.arg(3) !== 0 || call.arg(4) !== 0)
    return refuse(ERRNO.EINVAL);
  const landlock = landlockOf(call);
  // The kernel can be asked where that says something; else only the mark of the thread tells.
  if (!landlock.imposesNoNewPrivs) return CONTINUE;
  const { tid } = call.target;
  const state = landlock.state(tid) ?? refuse(ERRNO.ESRCH);
  if (state.noNewPrivs) return DONE;
  const errno = landlock.threads.move([tid], { ...state, noNewPrivs: true });
  return errno === 0 ? DONE : refuse(errno);
}

function getNoNewPrivs(call: Call): Answer {
  if ([1, 2, 3, 4].some((index) => call.arg(index) !== 0)) return refuse(ERRNO.EINVAL);
  const landlock = landlockOf(call);
  const state = landlock.state(call.target.tid) ?? refuse(ERRNO.ESRCH);
  return { kind: 'value', value: landlock.hasNoNewPrivs(call, state) ? 1 : 0 };
}
