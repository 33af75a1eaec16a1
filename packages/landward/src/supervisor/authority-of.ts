/**
 * The authority of a run: the plan's policy and, where programs use Landlock themselves, their domains. Owns the combination
 * only; the strictest answer counts.
 */

import type { Authority } from './authority.ts';
import { policyAuthority } from './policy-authority.ts';
import type { Run } from './run.ts';
import { idTag, tagOf } from './tag.ts';

/** Makes the authority of a run. */
export function authorityOf(run: () => Run): Authority {
  const isMember = (tid: number) => {
    const tag = tagOf(tid);
    return tag === undefined ? undefined : tag === idTag(run().id);
  };
  return policyAuthority(run, isMember);
}
