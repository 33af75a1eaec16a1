/**
 * The authority of a run: the plan's policy and, where programs use Landlock themselves, their domains and the policy programs
 * that they have enforced on themselves. Owns the combination only; the strictest answer counts.
 */

import type { Authority, Judgement } from './authority.ts';
import { functionAuthority } from './functions/authority.ts';
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
  const functions = functionAuthority();
  const [permission, programs] = [permissionAuthority(), programAuthority(run, isMember)];
  // The system's own permissions come first there, so that nobody is asked about what cannot be done anyway.
  const besides = () => {
    const { landlock, programs: files, decides } = run().plan.supervisor;
    return [
      ...(landlock === undefined ? [] : [threadPrograms]),
      ...(files === undefined && decides === undefined ? [] : [permission]),
      ...(files === undefined ? [] : [programs]),
      ...(decides === undefined ? [] : [functions]),
    ];
  };
  const asked = () => {
    const { landlock } = run().plan.supervisor;
    return [policy, ...(landlock === undefined ? [] : [domains]), ...besides()];
  };
  return {
    ask: (call, question) => strictest(asked(), (one) => one.ask(call, question)),
    would: (call, question) => strictest(asked(), (one) => one.would(call, question)),
    isFree: (call) => asked().every((one) => one.isFree(call)),
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
