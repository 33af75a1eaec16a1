/** What a step comes to on the model: an errno, and the decisions of Landlock behind it. */

import type { Decision } from '../../packages/landward/src/model/index.ts';

/** Landlock lets the step pass; any errno but its own is right. */
export const PASSED = -1;

/** What a step came to. */
export interface Answer {
  readonly errno: number;
  /** Landlock's decision, where it was asked. */
  readonly decision?: Decision | undefined;
  /** The decisions of a step that asks several times, such as a signal to a group. */
  readonly decisions?: readonly Decision[];
}

/** The errno of a decision. */
export function asked(decision: Decision): Answer {
  return { errno: decision.allowed ? 0 : decision.errno, decision };
}

/** The errno of a refusal, or PASSED. */
export function passed(decision: Decision): Answer {
  return { errno: decision.allowed ? PASSED : decision.errno, decision };
}
