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

/** What a run reports to, and what its start tells of it. */
export interface RunEars {
  /** The number of the first process. */
  readonly first: number;
  report(event: DenialEvent): void;
  note(text: string): void;
  hush(): void;
  kill(reason: string): void;
  every(milliseconds: number, then: () => void): Disposable;
}

export class LiveRun implements Run, Disposable {
  readonly id: string;
  readonly first: number;
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
    this.first = ears.first;
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

  note(text: string): void {
    this.#ears.note(text);
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

  /** State that was made before. */
  known<T extends Disposable>(key: symbol): T | undefined {
    return this.#states.get(key) as T | undefined;
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
