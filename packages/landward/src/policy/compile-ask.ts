/**
 * Rules that say `ask`, where somebody answers: the kernel's part grants what a person may allow, and the supervisor, which
 * asks the rules as they are written, asks the person before anything is done.
 *
 * Owns that part only. Where nobody answers such a rule is a gap, and denies.
 */

import { pathRights, spokenMask } from '../model/rules/rights.ts';
import type { Rule, RuleLayer } from '../model/rules.ts';
import type { LocatedLayer } from './compile-facts.ts';
import type { GapList } from './compile-gaps.ts';
import type { Feature } from './features.ts';

/** What the kernel is told in place of each rule that asks. */
export type AskTwins = ReadonlyMap<Rule, Rule>;

/** The features that the supervisor holds where somebody answers. */
export const ANSWERED: readonly Feature[] = ['fs.ask', 'net.ask'];

/** The rules that ask, each with the rule that allows the same. */
export function askTwins(layers: readonly RuleLayer[]): AskTwins {
  const asking = layers.flatMap(({ rules }) => rules.filter(({ verdict }) => verdict === 'ask'));
  return new Map(asking.map((rule) => [rule, allowing(rule)]));
}

function allowing(rule: Rule): Rule {
  return rule.kind === 'path'
    ? { ...rule, verdict: 'allow', rights: pathRights(spokenMask(rule)) }
    : { ...rule, verdict: 'allow' };
}

/** The layers as the kernel holds them; what they ask is noted as held by the supervisor. */
export function withTwins(
  layers: readonly LocatedLayer[],
  twins: AskTwins,
  gaps: GapList,
): readonly LocatedLayer[] {
  if (twins.size === 0) return layers;
  for (const rule of twins.keys()) gaps.add(rule.kind === 'net' ? 'net.ask' : 'fs.ask', { rule });
  return layers.map((layer) => ({
    ...layer,
    rules: layer.rules.map((located) => {
      const twin = twins.get(located.rule);
      return twin === undefined ? located : { ...located, rule: twin };
    }),
  }));
}
