/**
 * The authority of the policy programs that threads have put in front of their own lists: which list a question is for, and
 * whom it is shown.
 *
 * Owns the translation. Lists, order and verdicts are `model/programs`; the programs of a plan are asked elsewhere.
 */

import { deniedBy, type Program, type ProgramTask } from '../../model/programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { Authority, Judgement, Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { denialOf } from '../denial-event.ts';
import { objectOf } from '../denial-object.ts';
import { isMember } from '../processes/members.ts';
import { readStatus } from '../target/status.ts';
import { type LandlockRun, landlockOf } from './landlock-run.ts';

const ALLOWED: Judgement = { errno: 0 };
const DENIED: Judgement = { errno: ERRNO.EPERM };

/** Makes the authority of runs whose programs may enforce policy programs on themselves. */
export function threadProgramsAuthority(): Authority {
  return {
    ask(call, question) {
      const denier = denierOf(call, question);
      if (denier === null) return ALLOWED;
      const observes = call.run.plan.supervisor.mode === 'observe';
      call.run.report({
        ...denialOf(call, {
          effect: observes ? 'observed' : 'denied',
          errno: ERRNO.EPERM,
          object: objectOf(question),
          missing: [denier.hook],
        }),
        ...(denier.name === undefined ? {} : { program: denier.name }),
      });
      return observes ? ALLOWED : DENIED;
    },
    would: (call, question) => (denierOf(call, question) === null ? ALLOWED : DENIED),
    isFree: (call) => landlockOf(call).state(call.target.tid)?.programs === null,
  };
}

/** A thread as programs see it: by its lists alone. Threads of other runs and of none have no lists here. */
function programTaskOf(call: Call, landlock: LandlockRun, tid: number): ProgramTask {
  const state = isMember(call, tid) ? landlock.state(tid) : undefined;
  return { domain: state?.programs ?? null };
}

/** The program that denies, `null` where none does or none has a say. */
function denierOf(call: Call, question: Question): Program | null {
  if (question.kind !== 'ptrace') return null;
  const landlock = landlockOf(call);
  const self = programTaskOf(call, landlock, call.target.tid);
  const other = programTaskOf(call, landlock, question.tid);
  const [tracer, tracee] = question.traceme === true ? [other, self] : [self, other];
  if (tracer.domain?.lists.ptrace === undefined) return null;
  if (question.traceme !== true && isOwnProcess(call, question.tid)) return null;
  landlock.loaded.ask();
  return deniedBy(tracer.domain, 'ptrace', () => ({ tracer, tracee }));
}

/** Nobody is asked about looking into the own process, as in the kernel. */
function isOwnProcess(call: Call, tid: number): boolean {
  const { pid } = call.target.status();
  if (tid === pid) return true;
  try {
    return readStatus(tid).pid === pid;
  } catch {
    return false;
  }
}
