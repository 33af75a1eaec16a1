/**
 * The layers of a sandbox as they bind now: those of the plan, some of which may change, and those that its owner added
 * while programs ran. One for each deciding Worker, shared by its runs.
 *
 * Owns the present version. What an edit means and who may make it is `model/layers`; edits arrive between two calls, so
 * that a call sees one version from its beginning to its end.
 */

import { indexRules, type RuleIndex } from '../model/decide-rules.ts';
import type { RuleLayer } from '../model/rules.ts';

export class LiveLayers {
  #layers: readonly RuleLayer[];
  #index: RuleIndex;

  constructor(layers: readonly RuleLayer[]) {
    this.#layers = layers;
    this.#index = indexRules(layers);
  }

  get layers(): readonly RuleLayer[] {
    return this.#layers;
  }

  get index(): RuleIndex {
    return this.#index;
  }
}
