/**
 * The layers of a sandbox as they bind now. One for each deciding Worker, shared by its runs.
 *
 * Owns the present version. What an edit means is `model/layers`; edits arrive between two calls, so that a call sees one
 * version from its beginning to its end. A plan whose layers never change has nobody who could change them here.
 */

import { indexRules, type RuleIndex } from '../model/decide-rules.ts';
import type { RuleStack } from '../model/layers/rule-stack.ts';
import type { RuleLayer } from '../model/rules.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { FromWorker, LayerAnswered, LayerOrder, ToWorker } from './messages.ts';

/** Who carries out orders. */
export interface LayerChanges {
  /** Gives the layers that bind afterwards, where they are others. */
  readonly order: (order: LayerOrder) => {
    readonly answered: LayerAnswered;
    readonly layers?: readonly RuleLayer[];
  };
  /** The layers that bind now. */
  readonly present: () => readonly RuleLayer[];
  /** Everything that is known of the layers, for a checkpoint. */
  readonly saved: () => RuleStack;
}

export class LiveLayers {
  readonly #changes: LayerChanges | undefined;
  #layers: readonly RuleLayer[];
  #index: RuleIndex;

  constructor(layers: readonly RuleLayer[], changes?: LayerChanges) {
    this.#changes = changes;
    this.#layers = changes?.present() ?? layers;
    this.#index = indexRules(this.#layers);
  }

  get layers(): readonly RuleLayer[] {
    return this.#layers;
  }

  get index(): RuleIndex {
    return this.#index;
  }

  /** Everything that is known of layers that may change. */
  saved(): RuleStack | null {
    return this.#changes?.saved() ?? null;
  }

  /** Carries out the order of a message. @returns the answer to it */
  answer(
    { serial, order }: Extract<ToWorker, { kind: 'layer' }>,
    changed: (layers: readonly RuleLayer[]) => void,
  ): FromWorker {
    return { kind: 'layered', serial, answered: this.order(order, changed) };
  }

  /**
   * Carries out an order: whole, or not at all.
   *
   * @param changed hears of layers that bind from now on
   */
  order(order: LayerOrder, changed: (layers: readonly RuleLayer[]) => void): LayerAnswered {
    if (this.#changes === undefined) return { errno: ERRNO.EOPNOTSUPP, layers: [] };
    const { answered, layers } = this.#changes.order(order);
    if (layers === undefined) return answered;
    this.#index = indexRules(layers);
    this.#layers = layers;
    changed(layers);
    return answered;
  }
}
