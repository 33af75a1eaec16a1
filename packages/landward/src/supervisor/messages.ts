/** What the main thread and the deciding Worker tell each other. Owns the words; who acts on them is theirs. */

import type { MessagePort } from 'node:worker_threads';
import type { DenialEvent, DenialObject, DenialProcess } from '../model/denial.ts';
import type { RuleEdit } from '../model/layers/rule-edits.ts';
import type { Category, RuleLayer } from '../model/rules.ts';
import type { NameHandle } from './names/table.ts';
import type { RuleUse } from './rule-uses.ts';
import type { SupervisedPlan } from './run.ts';

/** What the Worker is made with. */
export interface WorkerSetup {
  readonly plan: SupervisedPlan;
  /** The ruleset that the Worker restricts itself with; `null` where the plan has none. The main thread closes it. */
  readonly floor: number | null;
  /** An eventfd: written to when there is a message. */
  readonly wake: number;
  /** The Worker's end of the messages. */
  readonly port: MessagePort;
  /** The name server of the plan, where its policy speaks of host names. */
  readonly names?: NameHandle | undefined;
}

/** A start, laid out by the main thread: descriptors are those of the whole process. */
export interface StartOrder {
  readonly kind: 'start';
  /** The run's id, which is its tag. */
  readonly run: string;
  readonly image: Uint8Array<ArrayBuffer>;
  /** Where in the image the child stores two words before it waits: its pid, and the number of its listener. */
  readonly told: number;
  /** The pipe on which the child waits for one word, without which it goes no further. Both ends are the Worker's to close. */
  readonly go: { readonly read: number; readonly write: number };
}

export type ToWorker =
  | StartOrder
  /** Asks for everything that was reported so far. */
  | { readonly kind: 'flush'; readonly run: string; readonly serial: number }
  | { readonly kind: 'kill'; readonly run: string }
  /** A change of the layers of this Worker's sandbox; answered by `layered` with the same serial. */
  | { readonly kind: 'layer'; readonly serial: number; readonly order: LayerOrder }
  /** What the starting process answers to `decide`. */
  | { readonly kind: 'decided'; readonly ticket: number; readonly verdict: 'allow' | 'deny' }
  /** Ends all runs and the Worker. */
  | { readonly kind: 'end' };

/** What the owner of a sandbox wants of its layers. Keys are those that `add` has answered, and those of the plan's layers. */
export type LayerOrder =
  | { readonly kind: 'add'; readonly layer: RuleLayer }
  | { readonly kind: 'modify'; readonly key: number; readonly edits: readonly RuleEdit[] }
  | { readonly kind: 'commit'; readonly key: number; readonly base: number; readonly editor: string }
  | { readonly kind: 'seal'; readonly key: number; readonly editor: string }
  | { readonly kind: 'list' };

/** A layer as its owner may see it. How many processes carry it is told to nobody. */
export interface LayerInfo {
  readonly key: number;
  readonly name: string;
  readonly mutability: 'immutable' | 'stricter' | 'any';
  readonly version: number;
  readonly layer: RuleLayer;
  /** Whether edits were drafted that nobody has committed. */
  readonly drafted: boolean;
}

/** What became of an order: `errno` is 0 where it was carried out. */
export interface LayerAnswered {
  readonly errno: number;
  readonly layers: readonly LayerInfo[];
  /** The layer that the order was about. */
  readonly key?: number;
  /** What goes to the log: who has changed which layer from which version to which, and whether more is allowed now. */
  readonly entry?: LayerEditEntry;
}

export interface LayerEditEntry {
  readonly operation: 'add' | 'commit' | 'seal';
  readonly layer: number;
  readonly name: string;
  readonly editor: string;
  readonly from: number;
  readonly to: number;
  readonly widened: boolean;
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'layered'; readonly serial: number; readonly answered: LayerAnswered }
  /** A function of the starting process is asked; the call waits for `decided` with the same ticket. */
  | {
      readonly kind: 'decide';
      readonly run: string;
      readonly ticket: number;
      readonly request: DecideRequest;
    }
  /** Why calls were refused that no rule denies; `defect` is landward's own. */
  | { readonly kind: 'noted'; readonly run: string; readonly text: string; readonly defect: boolean }
  | { readonly kind: 'started'; readonly run: string; readonly pid: number; readonly pidfd: number }
  | { readonly kind: 'not-started'; readonly run: string; readonly step: number; readonly errno: number }
  | { readonly kind: 'events'; readonly run: string; readonly events: readonly DenialEvent[] }
  /** `dropped` events were like an earlier one, or too many to keep. */
  | { readonly kind: 'flushed'; readonly run: string; readonly serial: number; readonly dropped: number }
  | { readonly kind: 'killed'; readonly run: string; readonly reason: string }
  /** No process of the run is left that could ask anything. */
  | {
      readonly kind: 'over';
      readonly run: string;
      readonly dropped: number;
      readonly uses: readonly RuleUse[];
    };

/** What a function that decides is shown: what is asked, never who may be trusted. Every string in it is foreign text. */
export interface DecideRequest {
  readonly category: Category;
  /** The system call. */
  readonly operation: string;
  /** The rights that are asked, in audit spelling. */
  readonly rights: readonly string[];
  readonly object: DenialObject;
  readonly process: DenialProcess;
  readonly run: string;
}
