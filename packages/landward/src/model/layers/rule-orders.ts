/**
 * What the owner of a sandbox may want of its layers, and what comes of it. Owns the words; what they come to is
 * `rule-stack.ts`.
 */

import type { RuleLayer } from '../rules.ts';
import type { RuleEdit } from './rule-edits.ts';
import type { Mutability } from './world.ts';

/** An order. Keys are those that `add` has answered; the layers of a plan have 0, 1, 2 and so on, oldest first. */
export type LayerOrder =
  | { readonly kind: 'add'; readonly layer: RuleLayer; readonly editor: string }
  /** Drafts edits, which bind nobody before they are committed. */
  | { readonly kind: 'modify'; readonly key: number; readonly edits: readonly RuleEdit[] }
  /** Makes the draft count, if `base` is still the version. */
  | { readonly kind: 'commit'; readonly key: number; readonly base: number; readonly editor: string }
  /** Drafts and commits at once; refused, where somebody's draft lies there, and then nothing is drafted. */
  | {
      readonly kind: 'edit';
      readonly key: number;
      readonly base: number;
      readonly edits: readonly RuleEdit[];
      readonly editor: string;
    }
  /** Drops the draft. */
  | { readonly kind: 'discard'; readonly key: number }
  | { readonly kind: 'seal'; readonly key: number; readonly editor: string }
  | { readonly kind: 'list' };

/** A layer as its owner may see it. How many processes carry it is told to nobody. */
export interface LayerInfo {
  readonly key: number;
  readonly name: string;
  readonly mutability: Mutability;
  readonly version: number;
  /** The present version. Of a layer that may only become stricter, older versions bind besides. */
  readonly layer: RuleLayer;
  /** Whether edits were drafted that nobody has committed. */
  readonly drafted: boolean;
}

/** What became of an order: `errno` is 0 where it was carried out. */
export interface LayerAnswered {
  readonly errno: number;
  /** Of `list` all layers, else the one that the order was about. */
  readonly layers: readonly LayerInfo[];
  /** The layer that the order was about. */
  readonly key?: number;
  /** What goes to the log, of an order that changed what binds or who may change it. */
  readonly entry?: LayerEditEntry;
}

/** Who has changed which layer from which version to which, and whether more is allowed now, moves and links apart. */
export interface LayerEditEntry {
  /** Milliseconds since 1970, on the clock of the denials: a denial with a smaller time met the version before. */
  readonly time: number;
  readonly operation: 'add' | 'commit' | 'seal';
  readonly layer: number;
  readonly name: string;
  /** Foreign text: escape before showing. */
  readonly editor: string;
  readonly from: number;
  readonly to: number;
  readonly widened: boolean;
}

/** Renders an edit as a line of a log. Names are quoted as JSON, so that none can end the line. */
export function renderRuleEdit(entry: LayerEditEntry): string {
  const { operation, layer, name, editor, from, to, widened } = entry;
  const words = [`op=${operation}-layer`, `layer=${layer}`, `name=${JSON.stringify(name)}`];
  words.push(`editor=${JSON.stringify(editor)}`, `from=${from}`, `to=${to}`);
  return [...words, `widened=${widened ? 'yes' : 'no'}`].join(' ');
}
