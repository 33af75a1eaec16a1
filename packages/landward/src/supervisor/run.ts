/**
 * One supervised program tree: its plan, its authority, and the state that its handlers keep. Owns the contract only.
 */

import type { RuleIndex } from '../model/decide-rules.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { RuleLayer } from '../model/rules.ts';
import type { Plan } from '../policy/plan.ts';
import type { Authority } from './authority.ts';
import type { NameView } from './names/view.ts';
import type { RuleUse, RuleUses } from './rule-uses.ts';

export type { RuleUse };

/** The part of a plan that the deciding thread needs; it is sent there as a message. */
export type SupervisedPlan = Pick<Plan, 'arch' | 'abi' | 'digest' | 'layers' | 'ruleset'> & {
  /** Whether its filter keeps programs in their user namespace and root, or tells of the change first. */
  readonly isSettled: boolean;
  readonly supervisor: NonNullable<Plan['supervisor']>;
};

export interface Run {
  /** Sixteen hex digits; the name of the run in the registry, in events and in `ps`. */
  readonly id: string;
  /** The number of its first process, which may be over. */
  readonly first: number;
  readonly plan: SupervisedPlan;
  /** The rules that bind now. One value for as long as a call is handled: layers change between calls. */
  readonly index: RuleIndex;
  /** The layers behind `index`, oldest first. Of a run whose layers may change it is another array after each change. */
  readonly layers: readonly RuleLayer[];
  readonly authority: Authority;
  /** The rules that allowed something. */
  readonly uses: RuleUses;
  /** Host names, where the policy speaks of any. */
  readonly names?: NameView | undefined;
  /** Hands a denial (or an observation) to the main thread. */
  report(event: DenialEvent): void;
  /** Tells the person why a call was refused that no rule denies. Foreign text in it is escaped before it is shown. */
  note(text: string): void;
  /** Counts a denial that the policy wants to be quiet about. */
  hush(): void;
  /** Ends the whole tree at once, with a reason for the person: what must not go on did happen. */
  kill(reason: string): void;
  /** Calls back on the deciding thread, about every so many milliseconds, until it is disposed of or the run is over. */
  every(milliseconds: number, then: () => void): Disposable;
  /** State of the rooms' handlers, made when first asked and disposed with the run. */
  state<T extends Disposable>(key: symbol, make: () => T): T;
}
