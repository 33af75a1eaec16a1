/** What the main thread and the deciding Worker tell each other. Owns the words; who acts on them is theirs. */

import type { MessagePort } from 'node:worker_threads';
import type { DenialEvent } from '../model/denial.ts';
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
  /** Ends all runs and the Worker. */
  | { readonly kind: 'end' };

export type FromWorker =
  | { readonly kind: 'ready' }
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
