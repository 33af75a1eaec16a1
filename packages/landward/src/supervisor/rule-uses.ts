/** Which rules allowed something in a run, and how often: what tells a policy's needed lines from the others. Owns the count. */

import { ruleText } from '../model/rules/rule-text.ts';
import type { Rule, RulesDecision } from '../model/rules.ts';

/** A rule that allowed something. */
export interface RuleUse {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
  readonly count: number;
}

export class RuleUses {
  readonly #counts = new Map<Rule, number>();

  /** Counts the rule of each layer that allowed a request. */
  add({ layers }: RulesDecision): void {
    for (const { rule, verdict } of layers)
      if (rule !== undefined && verdict === 'allow')
        this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1);
  }

  /** The rules with a place in a text, presets by their names. */
  list(): RuleUse[] {
    return [...this.#counts].map(([rule, count]) => {
      const { file, line, column, preset } = rule.origin;
      return { file: preset ?? file, line, column, text: ruleText(rule), count };
    });
  }
}
