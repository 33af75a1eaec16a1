/**
 * The authority of a run: the plan's policy and, where programs use Landlock themselves, their domains and the policy programs
 * that they have enforced on themselves. Owns the combination only; the strictest answer counts.
 */

import type { Authority, Judgement } from './authority.ts';
import { askFunctions } from './functions/authority.ts';
import { landlockAuthority } from './landlock/authority.ts';
import { threadProgramsAuthority } from './landlock/program-hooks.ts';
import { policyAuthority } from './policy-authority.ts';
import { programAuthority } from './programs/authority.ts';
import { permissionAuthority } from './programs/permission.ts';
import type { Run } from './run.ts';
import { idTag, tagOf } from './tag.ts';

/** Makes the authority of a run. */
export function authorityOf(run: () => Run): Authority {
  const isMember = (tid: number) => {
    const tag = tagOf(tid);
    return tag === undefined ? undefined : tag === idTag(run().id);
  };
  const policy = policyAuthority(run, isMember);
  const [domains, threadPrograms] = [landlockAuthority(), threadProgramsAuthority()];
  const [permission, programs] = [permissionAuthority(), programAuthority(run, isMember)];
  // The system's own permissions come first there, so that nobody is asked about what cannot be done anyway.
  const besides = () => {
    const { landlock, programs: files, decides } = run().plan.supervisor;
    return [
      ...(landlock === undefined ? [] : [threadPrograms]),
      ...(files === undefined && decides === undefined ? [] : [permission]),
      ...(files === undefined ? [] : [programs]),
    ];
  };
  const asked = () => {
    const { landlock } = run().plan.supervisor;
    return [policy, ...(landlock === undefined ? [] : [domains]), ...besides()];
  };
  return {
    ask(call, question) {
      const judgement = strictest(asked(), (one) => one.ask(call, question));
      if (judgement.errno !== 0) return judgement;
      const { decides } = run().plan.supervisor;
      const { asking, ...allowed } = judgement;
      if (decides === undefined && asking === undefined) return allowed;
      // Functions and persons come last: they take their time, and allow nothing that anybody else refuses.
      const { errno } = askFunctions(call, question, asking);
      return errno === 0 ? allowed : { errno };
    },
    would: (call, question) => strictest(asked(), (one) => one.would(call, question)),
    isFree: (call) => run().plan.supervisor.decides === undefined && asked().every((one) => one.isFree(call)),
    besides: (call, question) => strictest(besides(), (one) => one.ask(call, question)),
    follows: (call) => asked().some((one) => one.follows?.(call) === true),
  };
}

/** What all say: the first refusal, after which nobody is asked, else all that is lacking and what an open file keeps. */
function strictest(asked: readonly Authority[], answer: (one: Authority) => Judgement): Judgement {
  let all: Judgement = { errno: 0 };
  for (const one of asked) {
    const said = answer(one);
    if (said.errno !== 0) return said;
    const lacking = [...new Set([...(all.lacking ?? []), ...(said.lacking ?? [])])];
    all = { ...all, ...said, ...(lacking.length === 0 ? {} : { lacking }) };
  }
  return all;
}
