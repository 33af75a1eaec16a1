/**
 * The authority of a run: the plan's policy and, where programs use Landlock themselves, their domains. Owns the combination
 * only; the strictest answer counts.
 */

import type { Authority, Judgement } from './authority.ts';
import { landlockAuthority } from './landlock/authority.ts';
import { policyAuthority } from './policy-authority.ts';
import type { Run } from './run.ts';
import { idTag, tagOf } from './tag.ts';

/** Makes the authority of a run. */
export function authorityOf(run: () => Run): Authority {
  const isMember = (tid: number) => {
    const tag = tagOf(tid);
    return tag === undefined ? undefined : tag === idTag(run().id);
  };
  const policy = policyAuthority(run, isMember);
  const own = landlockAuthority();
  const usesLandlock = () => run().plan.supervisor.landlock !== undefined;
  return {
    ask: (call, question) =>
      usesLandlock()
        ? strictest(policy.ask(call, question), () => own.ask(call, question))
        : policy.ask(call, question),
    would: (call, question) =>
      usesLandlock()
        ? strictest(policy.would(call, question), () => own.would(call, question))
        : policy.would(call, question),
    isFree: (call) => policy.isFree(call) && (!usesLandlock() || own.isFree(call)),
  };
}

/** What both say: the first refusal, else all that is lacking. What an open file keeps is the second's. */
function strictest(first: Judgement, ask: () => Judgement): Judgement {
  if (first.errno !== 0) return first;
  const second = ask();
  if (second.errno !== 0 || first.lacking === undefined) return second;
  return { ...second, lacking: [...new Set([...first.lacking, ...(second.lacking ?? [])])] };
}
