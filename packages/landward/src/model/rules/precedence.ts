/**
 * The one precedence rule of landward: the rule that pins more of the object wins; on a tie the stricter verdict.
 *
 * Owns the order of verdicts and the choice among rules that cover a request. What "pins" means for a path, a host
 * or a name is told by the matcher as a number: larger pins more.
 */

import type { Rule, Verdict } from '../rules.ts';

/** A rule that covers the request. */
export interface Candidate<R extends Rule = Rule> {
  readonly rule: R;
  /** How much of the object the rule pins; comparable only among candidates of one request. */
  readonly pins: number;
}

const STRICTNESS = { deny: 0, hide: 1, ask: 2, allow: 3 } as const satisfies Record<Verdict, number>;

/** Negative where `a` is stricter than `b`. */
export function compareVerdicts(a: Verdict, b: Verdict): number {
  return STRICTNESS[a] - STRICTNESS[b];
}

/** The stricter of two verdicts. */
export function stricter(a: Verdict, b: Verdict): Verdict {
  return compareVerdicts(a, b) <= 0 ? a : b;
}

/** Whether a verdict gives nothing, now or by asking. */
export function isClosed(verdict: Verdict): boolean {
  return verdict === 'deny' || verdict === 'hide';
}

/** Order by place in the text: tells rules apart that say the same. */
export function byOrigin(a: Rule, b: Rule): number {
  const [one, other] = [a.origin, b.origin];
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return one.line - other.line || one.column - other.column;
}

/** Negative where `a` wins over `b`. */
function compareCandidates(a: Candidate, b: Candidate): number {
  return b.pins - a.pins || compareVerdicts(a.rule.verdict, b.rule.verdict) || byOrigin(a.rule, b.rule);
}

/** The winning candidate; the order of the list never matters. */
export function winner<C extends Candidate>(candidates: readonly C[]): C | undefined {
  let best: C | undefined;
  for (const candidate of candidates) {
    if (best === undefined || compareCandidates(candidate, best) < 0) best = candidate;
  }
  return best;
}
