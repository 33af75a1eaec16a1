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
  // A plan never changes, so who is asked is the same for each of its many questions.
  let parties: Parties | undefined;
  const who = (): Parties => {
    if (parties !== undefined) return parties;
    const { landlock, programs: files, decides } = run().plan.supervisor;
    // The system's own permissions come first there, so that nobody is asked about what cannot be done anyway.
    const besides = [
      ...(landlock === undefined ? [] : [threadPrograms]),
      ...(files === undefined && decides === undefined ? [] : [permission]),
      ...(files === undefined ? [] : [programs]),
    ];
    const all = [policy, ...(landlock === undefined ? [] : [domains]), ...besides];
    parties = { all, besides, decides: decides !== undefined };
    return parties;
  };
  return {
    ask(call, question) {
      const { all, decides } = who();
      const judgement = strictest(all, (one) => one.ask(call, question));
      if (judgement.errno !== 0 || (!decides && judgement.asking === undefined)) return judgement;
      const { asking, ...allowed } = judgement;
      // Functions and persons come last: they take their time, and allow nothing that anybody else refuses.
      const { errno } = askFunctions(call, question, asking);
      return errno === 0 ? allowed : { errno };
    },
    would: (call, question) => strictest(who().all, (one) => one.would(call, question)),
    isFree: (call) => !who().decides && who().all.every((one) => one.isFree(call)),
    besides: (call, question) => strictest(who().besides, (one) => one.ask(call, question)),
    follows: (call) => who().all.some((one) => one.follows?.(call) === true),
  };
}

/** Who is asked about the calls of a run, in order. */
interface Parties {
  readonly all: readonly Authority[];
  /** Those besides the rules. */
  readonly besides: readonly Authority[];
  /** Whether functions are asked after all of them. */
  readonly decides: boolean;
}

const ALLOWED: Judgement = { errno: 0 };

/** What all say: the first refusal, after which nobody is asked, else all that is lacking and what an open file keeps. */
function strictest(asked: readonly Authority[], answer: (one: Authority) => Judgement): Judgement {
  let all: Judgement | undefined;
  for (const one of asked) {
    const said = answer(one);
    if (said.errno !== 0) return said;
    all = all === undefined ? said : both(all, said);
  }
  return all ?? ALLOWED;
}

function both(first: Judgement, second: Judgement): Judgement {
  const { lacking } = first;
  if (lacking === undefined) return { ...first, ...second };
  return { ...first, ...second, lacking: [...new Set([...lacking, ...(second.lacking ?? [])])] };
}
