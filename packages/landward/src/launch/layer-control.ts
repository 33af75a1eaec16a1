/**
 * The layers of one sandbox, as whoever may change them works on them: texts in, orders to the deciding Worker, answers out.
 *
 * Owns who may: the program that made a layer and keeps it to itself, or its owner from outside as well. What an edit comes
 * to is the model's answer.
 */

import type { LayerAnswered, LayerInfo, LayerOrder } from '../model/layers/rule-orders.ts';
import type { RuleLayer } from '../model/rules.ts';
import { ERRNO } from '../uapi/errno.ts';
import { type LayerEdits, readEdits } from './layer-edits.ts';

export type { LayerEdits } from './layer-edits.ts';

/** Who wants something of a layer. */
export interface Editor {
  /** `holder`: the program that made the sandbox, by its object. `owner`: the same user, from outside. */
  readonly who: 'holder' | 'owner';
  /** For the log, such as `uid 1000 pid 123 (landward)`. Escaped wherever it is shown. */
  readonly name: string;
}

/** Who may change a layer: `holder` keeps it to the program that made it, `owner` lets the user in from outside too. */
export type LayerPrincipal = Editor['who'];

/** A layer, and who may change it. */
export interface ControlledLayer extends LayerInfo {
  readonly principal: LayerPrincipal;
}

/** Carries out orders: the supervisor of a sandbox. */
export interface LayerOrders {
  order(order: LayerOrder): Promise<LayerAnswered>;
}

/**
 * The layers of a sandbox. Answers have an errno: 0 where it was done, EBADF for no such layer, EROFS for one that cannot
 * change (any more), EPERM for an edit that would give more to a layer that may only become stricter and for whoever is not
 * its principal, EBUSY where somebody else has changed it or has a draft there, ENOENT for a rule that is not there, EINVAL for
 * what the layer does not speak about, E2BIG for too much.
 */
export class LayerControl {
  readonly #supervisor: LayerOrders;
  readonly #principals = new Map<number, LayerPrincipal>();

  constructor(supervisor: LayerOrders) {
    this.#supervisor = supervisor;
  }

  /** Says who may change a layer; its owner where nothing was said. */
  assign(key: number, principal: LayerPrincipal): void {
    this.#principals.set(key, principal);
  }

  /** The layers, oldest first. */
  async list(): Promise<readonly ControlledLayer[]> {
    const { layers } = await this.#supervisor.order({ kind: 'list' });
    return layers.map((layer) => ({ ...layer, principal: this.#principalOf(layer.key) }));
  }

  /** Adds a layer. EPERM where the sandbox was not made for that. */
  async add(layer: RuleLayer, principal: LayerPrincipal, by: Editor): Promise<LayerAnswered> {
    const answered = await this.#supervisor.order({ kind: 'add', layer, editor: by.name });
    if (answered.key !== undefined && answered.errno === 0) this.assign(answered.key, principal);
    return answered;
  }

  /**
   * Drafts edits, which bind nobody before `commit`.
   *
   * @throws LandwardError or PolicyErrors for texts that are wrong
   */
  async modify(key: number, edits: LayerEdits, by: Editor): Promise<LayerAnswered> {
    return this.#may(key, by, { kind: 'modify', key, edits: await readEdits(edits) });
  }

  /** Makes the draft count, if `base` is still the version. */
  commit(key: number, base: number, by: Editor): Promise<LayerAnswered> {
    return this.#may(key, by, { kind: 'commit', key, base, editor: by.name });
  }

  /**
   * Drafts and commits in one step: whole, or nothing is drafted.
   *
   * @throws as `modify`
   */
  async edit(key: number, base: number, edits: LayerEdits, by: Editor): Promise<LayerAnswered> {
    return this.#may(key, by, { kind: 'edit', key, base, edits: await readEdits(edits), editor: by.name });
  }

  /** Drops the draft. */
  discard(key: number, by: Editor): Promise<LayerAnswered> {
    return this.#may(key, by, { kind: 'discard', key });
  }

  /** Makes a layer immutable for ever. */
  seal(key: number, by: Editor): Promise<LayerAnswered> {
    return this.#may(key, by, { kind: 'seal', key, editor: by.name });
  }

  /** The last handle of a layer is closed: where nobody else may change it, nobody ever does. */
  async release(key: number, by: Editor): Promise<void> {
    if (this.#principalOf(key) === 'holder') await this.seal(key, by);
  }

  #principalOf(key: number): LayerPrincipal {
    return this.#principals.get(key) ?? 'owner';
  }

  async #may(key: number, by: Editor, order: LayerOrder): Promise<LayerAnswered> {
    if (by.who === 'owner' && this.#principalOf(key) === 'holder') return { errno: ERRNO.EPERM, layers: [] };
    return this.#supervisor.order(order);
  }
}

const controls = new WeakMap<LayerOrders, LayerControl>();

/** The control of a supervisor's layers: one for all who ask, since it knows who may change what. */
export function layerControlOf(supervisor: LayerOrders): LayerControl {
  const known = controls.get(supervisor);
  if (known !== undefined) return known;
  const made = new LayerControl(supervisor);
  controls.set(supervisor, made);
  return made;
}
