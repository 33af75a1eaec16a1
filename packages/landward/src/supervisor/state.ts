/**
 * One run on the deciding thread: its plan, authority and the state that handlers keep for it, disposed with it.
 *
 * Owns no process: who belongs to the run is `tag.ts`, who ends it is the loop.
 */

import { bug } from '../errors.ts';
import type { RuleIndex } from '../model/decide-rules.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { RuleLayer } from '../model/rules.ts';
import type { Authority } from './authority.ts';
import type { LiveLayers } from './live-layers.ts';
import type { NameView } from './names/view.ts';
import { RuleUses } from './rule-uses.ts';
import type { Run, SupervisedPlan } from './run.ts';

/** What a run reports to. */
export interface RunEars {
  report(event: DenialEvent): void;
  hush(): void;
  kill(reason: string): void;
  every(milliseconds: number, then: () => void): Disposable;
}

export class LiveRun implements Run, Disposable {
  readonly id: string;
  readonly plan: SupervisedPlan;
  readonly authority: Authority;
  readonly names: NameView | undefined;
  readonly uses = new RuleUses();
  readonly #ears: RunEars;
  readonly #live: LiveLayers;
  readonly #states = new Map<symbol, Disposable>();
  #over = false;

  /** @param authority made for this run: it asks the run for its rules */
  constructor(
    id: string,
    plan: SupervisedPlan,
    live: LiveLayers,
    ears: RunEars,
    authority: (run: () => Run) => Authority,
    names?: NameView,
  ) {
    this.id = id;
    this.plan = plan;
    this.#live = live;
    this.#ears = ears;
    this.names = names;
    this.authority = authority(() => this);
  }

  get index(): RuleIndex {
    return this.#live.index;
  }

  get layers(): readonly RuleLayer[] {
    return this.#live.layers;
  }

  report(event: DenialEvent): void {
    this.#ears.report(event);
  }

  hush(): void {
    this.#ears.hush();
  }

  kill(reason: string): void {
    this.#ears.kill(reason);
  }

  every(milliseconds: number, then: () => void): Disposable {
    return this.#ears.every(milliseconds, then);
  }

  state<T extends Disposable>(key: symbol, make: () => T): T {
    const found = this.#states.get(key) as T | undefined;
    if (found !== undefined) return found;
    if (this.#over) bug('a state was made for a run that is over');
    const made = make();
    this.#states.set(key, made);
    return made;
  }

  /** Ends the state of all handlers, the youngest first. */
  [Symbol.dispose](): void {
    this.#over = true;
    for (const state of [...this.#states.values()].reverse()) state[Symbol.dispose]();
    this.#states.clear();
  }
}
