/**
 * The layers of a sandbox as they bind now. One for each deciding Worker, shared by its runs.
 *
 * Owns the present version. What an edit means is `model/layers`; edits arrive between two calls, so that a call sees one
 * version from its beginning to its end. A plan whose layers never change has nobody who could change them here.
 */

import { indexRules, type RuleIndex } from '../model/decide-rules.ts';
import type { RuleLayer } from '../model/rules.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { LayerAnswered, LayerOrder } from './messages.ts';

/** Who carries out orders: gives the layers that bind afterwards, where they are others. */
export type LayerChanges = (order: LayerOrder) => {
  readonly answered: LayerAnswered;
  readonly layers?: readonly RuleLayer[];
};

export class LiveLayers {
  readonly #changes: LayerChanges | undefined;
  #layers: readonly RuleLayer[];
  #index: RuleIndex;

  constructor(layers: readonly RuleLayer[], changes?: LayerChanges) {
    this.#changes = changes;
    this.#layers = layers;
    this.#index = indexRules(layers);
  }

  get layers(): readonly RuleLayer[] {
    return this.#layers;
  }

  get index(): RuleIndex {
    return this.#index;
  }

  /**
   * Carries out an order: whole, or not at all.
   *
   * @param changed hears of layers that bind from now on
   */
  order(order: LayerOrder, changed: (layers: readonly RuleLayer[]) => void): LayerAnswered {
    if (this.#changes === undefined) return { errno: ERRNO.EOPNOTSUPP, layers: [] };
    const { answered, layers } = this.#changes(order);
    if (layers === undefined) return answered;
    this.#index = indexRules(layers);
    this.#layers = layers;
    changed(layers);
    return answered;
  }
}
