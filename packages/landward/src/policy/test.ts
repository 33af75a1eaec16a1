/**
 * Runs the `[[test]]` of a policy: asks the model, compares. Gives no verdict of its own.
 */

import { decideIndexed, indexRules } from '../model/decide-rules.ts';
import type { RulesDecision, Verdict } from '../model/rules.ts';
import type { Policy, PolicyTest } from './policy.ts';

/** What became of one test. */
export interface PolicyTestResult {
  readonly test: PolicyTest;
  readonly passed: boolean;
  /** The model's answer, with its blame. */
  readonly decision: RulesDecision;
}

/** The verdicts that meet an expectation: who expects a denial is content with a hiding. */
const MEETS = {
  allow: ['allow'],
  deny: ['deny', 'hide'],
  hide: ['hide'],
  ask: ['ask'],
} as const satisfies Record<PolicyTest['expect'], readonly Verdict[]>;

/**
 * Runs the tests of a policy.
 *
 * @returns one result a test, in order
 * @throws LandwardError POLICY_INVALID for a rule that the model cannot read
 * @example
 * const failed = runPolicyTests(policy).filter(({ passed }) => !passed);
 */
export function runPolicyTests(policy: Policy): readonly PolicyTestResult[] {
  const index = indexRules(policy.layers);
  return policy.tests.map((test) => {
    const decision = decideIndexed(index, test.request);
    const meets: readonly Verdict[] = MEETS[test.expect];
    return { test, passed: meets.includes(decision.verdict), decision };
  });
}
