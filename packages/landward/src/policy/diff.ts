/**
 * What changes from one policy to another, by meaning: the model answers the same probes for both.
 *
 * A rewording shows nothing; a removed denial shows what it opens. Settings are compared value by value.
 */

import { decideIndexed, indexRules } from '../model/decide-rules.ts';
import type { Rule, RulesDecision, Verdict } from '../model/rules.ts';
import { type Probe, probesOf } from './diff-probes.ts';
import { diffSettings, type SettingChange } from './diff-settings.ts';
import type { Policy } from './policy.ts';

/** One object whose answer changes. */
export interface RuleChange {
  readonly direction: 'wider' | 'narrower';
  /** A path, `host:ports`, `@name`; `…` stands for any other name. */
  readonly object: string;
  readonly rights: readonly string[];
  readonly from: Verdict;
  readonly to: Verdict;
  /** The rule that decides before and after, where a rule does. */
  readonly before: Rule | undefined;
  readonly after: Rule | undefined;
}

export interface PolicyDiff {
  readonly wider: readonly (RuleChange | SettingChange)[];
  readonly narrower: readonly (RuleChange | SettingChange)[];
  /** Whether nothing can change that is not listed; false where globs, hosts or networks were probed by examples. */
  readonly complete: boolean;
}

const OPENNESS = { deny: 0, hide: 1, ask: 2, allow: 3 } as const satisfies Record<Verdict, number>;

/**
 * Compares two policies.
 *
 * @example
 * const { wider } = diffPolicies(old, next); // what the new policy allows and the old did not
 */
export function diffPolicies(before: Policy, after: Policy): PolicyDiff {
  const rules = [...before.layers, ...after.layers].flatMap((layer) => layer.rules);
  const { list, complete } = probesOf(rules);
  const old = indexRules(before.layers);
  const next = indexRules(after.layers);
  const changes = new Map<string, RuleChange & { rights: string[] }>();
  for (const probe of list) {
    const a = decideIndexed(old, probe.request);
    const b = decideIndexed(next, probe.request);
    if (a.verdict !== b.verdict) note(changes, probe, a, b);
  }
  const all: readonly (RuleChange | SettingChange)[] = [
    ...withoutRepeats([...changes.values()]),
    ...diffSettings(before, after),
  ];
  return {
    wider: all.filter(({ direction }) => direction === 'wider'),
    narrower: all.filter(({ direction }) => direction === 'narrower'),
    complete,
  };
}

function note(
  changes: Map<string, RuleChange & { rights: string[] }>,
  probe: Probe,
  a: RulesDecision,
  b: RulesDecision,
): void {
  const key = JSON.stringify([probe.object, probe.right.split('.')[0], a.verdict, b.verdict]);
  const known = changes.get(key);
  if (known !== undefined) {
    known.rights.push(probe.right);
    return;
  }
  changes.set(key, {
    direction: OPENNESS[b.verdict] > OPENNESS[a.verdict] ? 'wider' : 'narrower',
    object: probe.object,
    rights: [probe.right],
    from: a.verdict,
    to: b.verdict,
    before: a.blame.rule,
    after: b.blame.rule,
  });
}

/** Where a directory and everything in it change alike, the line for what is in it says nothing new. */
function withoutRepeats(changes: readonly RuleChange[]): RuleChange[] {
  const signature = (object: string, { from, to, rights }: RuleChange) =>
    JSON.stringify([object, from, to, rights]);
  const known = new Set(changes.map((change) => signature(change.object, change)));
  return changes.filter((change) => {
    const parent = change.object.endsWith('/…') ? change.object.slice(0, -2) : undefined;
    return parent === undefined || !known.has(signature(parent === '' ? '/' : parent, change));
  });
}
