/**
 * The authority of the policy programs that threads have put in front of their own lists: which list a question is for, and
 * whom it is shown.
 *
 * Owns the translation. Lists, order and verdicts are `model/programs`; the programs of a plan are asked elsewhere, about more.
 */

import type { Hook, ProgramTask } from '../../model/programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { Authority, Judgement, Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { denialOf } from '../denial-event.ts';
import { objectOf } from '../denial-object.ts';
import { isMember } from '../processes/members.ts';
import { type Denier, judgeByPrograms } from '../programs/judge.ts';
import { permissionAuthority } from '../programs/permission.ts';
import { readStatus } from '../target/status.ts';
import { type LandlockRun, landlockOf } from './landlock-run.ts';

/** The hooks that lists of threads are asked at: those of which the supervisor of such a run hears everything. */
export const THREAD_HOOKS = ['ptrace', 'signal', 'net'] as const satisfies readonly Hook[];

/** The hook of each question that lists of threads are for. */
const HOOK_OF = {
  ptrace: 'ptrace',
  signal: 'signal',
  net: 'net',
  unix: 'net',
} as const satisfies Partial<Record<Question['kind'], (typeof THREAD_HOOKS)[number]>>;

const ALLOWED: Judgement = { errno: 0 };

/** Makes the authority of runs whose programs may enforce policy programs on themselves. */
export function threadProgramsAuthority(): Authority {
  const permission = permissionAuthority();
  const judge = (call: Call, question: Question): Denier | Judgement | null => {
    const landlock = landlockOf(call);
    const asked = listAsked(call, landlock, question);
    if (asked === null) return null;
    // Programs never see what the system refuses anyway.
    const refused = permission.ask(call, question);
    if (refused.errno !== 0) return refused;
    landlock.loaded.ask(call.id);
    const task = (tid: number) => taskOf(call, landlock, tid);
    return judgeByPrograms(call, question, { domain: asked.domain, tags: landlock.loaded.tags, task });
  };
  return {
    ask(call, question) {
      const said = judge(call, question);
      if (said === null) return ALLOWED;
      if ('errno' in said) return said;
      const observes = call.run.plan.supervisor.mode === 'observe';
      call.run.report(
        denialOf(call, {
          effect: observes ? 'observed' : 'denied',
          errno: ERRNO.EPERM,
          object: objectOf(question),
          missing: [missingOf(question)],
          program: said.name ?? 'a policy program',
        }),
      );
      return observes ? ALLOWED : { errno: ERRNO.EPERM };
    },
    would(call, question) {
      // Signals to many are asked about this way; programs see nothing that nobody asks in earnest.
      if (question.kind !== 'signal') return ALLOWED;
      const said = judge(call, question);
      if (said === null) return ALLOWED;
      return 'errno' in said ? said : { errno: ERRNO.EPERM };
    },
    isFree: (call) => landlockOf(call).state(call.target.tid)?.programs === null,
  };
}

/** A thread as programs see it: by its lists alone. Threads of other runs and of none have no lists here. */
function taskOf(call: Call, landlock: LandlockRun, tid: number): ProgramTask {
  const state = isMember(call, tid) ? landlock.state(tid) : undefined;
  return { domain: state?.programs ?? null };
}

/** The thread whose list has a say; `null` where that has no program for the question. */
function listAsked(call: Call, landlock: LandlockRun, question: Question): ProgramTask | null {
  const hook = HOOK_OF[question.kind as keyof typeof HOOK_OF] as Hook | undefined;
  if (hook === undefined) return null;
  const traceme = question.kind === 'ptrace' && question.traceme === true;
  const task = taskOf(call, landlock, traceme ? question.tid : call.target.tid);
  if (task.domain?.lists[hook] === undefined) return null;
  // Nobody is asked about the threads of the own process, which the kernel's own signals between them count on.
  return 'tid' in question && !traceme && isOwnProcess(call, question.tid) ? null : task;
}

function missingOf(question: Question): string {
  if (question.kind === 'net') return question.right;
  return question.kind === 'unix' ? `unix.${question.operation}` : question.kind;
}

function isOwnProcess(call: Call, tid: number): boolean {
  const { pid } = call.target.status();
  if (tid === pid) return true;
  try {
    return readStatus(tid).pid === pid;
  } catch {
    return false;
  }
}
