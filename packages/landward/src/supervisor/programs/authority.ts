/**
 * The authority of a run's programs: asked when all else allows, so that they can only narrow, and a request that the
 * policy or the kernel's own permissions refuse never reaches one.
 *
 * Owns errno and report. A question that nobody is asked in earnest (`would`) is not shown to programs, since one may
 * count what it sees; but for signals to many, where each receiver is asked that way.
 */

import { ERRNO } from '../../uapi/errno.ts';
import type { Authority, Judgement, Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { denialOf } from '../denial-event.ts';
import { objectOf } from '../denial-object.ts';
import { wasAllowedBefore } from '../functions/authority.ts';
import type { Run } from '../run.ts';
import { judgeByPrograms } from './judge.ts';
import { programsOf } from './run-programs.ts';

const ALLOWED: Judgement = { errno: 0 };

/** Makes the authority of a run's programs. `isMember` tells the run's own processes. */
export function programAuthority(run: () => Run, isMember: (tid: number) => boolean | undefined): Authority {
  const judge = (call: Call, question: Question) => {
    const programs = programsOf(run());
    // A program that counts must not meet one request twice because a function was asked in between.
    if (programs === null || wasAllowedBefore(call, question)) return null;
    if (programs.failure !== null) return { name: `programs that cannot be loaded: ${programs.failure}` };
    programs.begin(call.id);
    const { domain, tags } = programs;
    const task = (tid: number) => ({ domain: isMember(tid) === true ? domain : null });
    return judgeByPrograms(call, question, { domain, tags, task });
  };
  return {
    ask(call, question) {
      const denier = judge(call, question);
      if (denier === null) return ALLOWED;
      const observed = run().plan.supervisor.mode === 'observe';
      run().report(
        denialOf(call, {
          effect: observed ? 'observed' : 'denied',
          errno: ERRNO.EPERM,
          object: objectOf(question),
          missing: missingOf(question),
          program: denier.name ?? 'a policy program',
        }),
      );
      return observed ? ALLOWED : { errno: ERRNO.EPERM };
    },
    would(call, question) {
      if (question.kind !== 'signal' || run().plan.supervisor.mode === 'observe') return ALLOWED;
      return judge(call, question) === null ? ALLOWED : { errno: ERRNO.EPERM };
    },
    isFree: () => programsOf(run()) === null,
    follows: () => {
      const programs = programsOf(run());
      return programs !== null && programs.failure === null && programs.follows;
    },
  };
}

/** What was asked, in audit spelling. */
function missingOf(question: Question): readonly string[] {
  switch (question.kind) {
    case 'access':
    case 'open':
      return question.rights;
    case 'make':
    case 'remove':
    case 'opened':
    case 'net':
      return [question.right];
    case 'refer':
      return ['fs.refer'];
    case 'unix':
      return [`unix.${question.operation}`];
    case 'signal':
      return ['scope.signal'];
    case 'find':
      return ['meta.stat'];
    case 'topology':
      return ['fs.change_topology'];
    case 'pick':
      return question.triggers.length === 0
        ? ['fs_get']
        : question.triggers.map((trigger) => `fs_pick.${trigger}`);
    case 'walk':
      return ['fs_walk'];
    default:
      return [question.kind];
  }
}
