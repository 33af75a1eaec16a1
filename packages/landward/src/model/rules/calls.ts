/**
 * System calls by name: what layers that may change say of them. Owns the decision; arguments have no say in it.
 */

import type { LayerAnswer, RuleLayer, RulesDecision } from '../rules.ts';

const EPERM = 1;

/**
 * Decides a system call: a layer that handles it has to allow it.
 *
 * @param layers the layers that bind, oldest first
 */
export function decideCall(layers: readonly RuleLayer[], name: string): RulesDecision {
  const answers = layers.flatMap(({ calls, name: known }, layer): LayerAnswer[] => {
    if (calls?.handled.includes(name) !== true) return [];
    const verdict = calls.allowed.includes(name) ? 'allow' : 'deny';
    return [{ layer, name: known, verdict, missing: [] }];
  });
  const blame = answers.findLast(({ verdict }) => verdict === 'deny') ??
    answers.at(-1) ?? { layer: -1, name: '', verdict: 'allow', missing: [] };
  return { verdict: blame.verdict, blame, layers: answers, errno: blame.verdict === 'deny' ? EPERM : 0 };
}
