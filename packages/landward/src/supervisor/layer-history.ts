/**
 * What has become of the layers of a sandbox, as far as it is needed to know what binds: for the registry of runs that start
 * later. Owns the choice of what is kept.
 */

import type { LayerAnswered } from './messages.ts';
import type { LayerChange } from './run-listener.ts';

export class LayerHistory {
  #changes: readonly LayerChange[] = [];

  /** Every change that still matters, oldest first. */
  get changes(): readonly LayerChange[] {
    return this.#changes;
  }

  /** Takes in the answer to an order. @returns the change, if there was one */
  take({ entry, layers }: LayerAnswered): LayerChange | undefined {
    const [info] = layers;
    if (entry === undefined || info === undefined) return undefined;
    const change = { entry, layer: info.layer };
    // A version that was replaced binds nobody; all versions of a layer that may only become stricter do.
    const kept = this.#changes.filter(
      ({ entry: older, layer }) =>
        older.layer !== entry.layer ||
        older.operation !== 'commit' ||
        entry.operation !== 'commit' ||
        layer.mutable === 'stricter',
    );
    this.#changes = [...kept, change];
    return change;
  }
}
