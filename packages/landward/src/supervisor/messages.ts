/** What the main thread and the deciding Worker tell each other. Owns the words; who acts on them is theirs. */

import type { MessagePort } from 'node:worker_threads';
import type { DecideRequest } from '../model/decide-request.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { LayerAnswered, LayerOrder } from '../model/layers/rule-orders.ts';
import type { ProgramMaps } from '../model/programs/index.ts';
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
  /** Where a function decides: how long its answers are waited for. */
  readonly patience?: Patience | undefined;
}

export type ToWorker =
  | StartOrder
  /** Asks for everything that was reported so far. */
  | { readonly kind: 'flush'; readonly run: string; readonly serial: number }
  | { readonly kind: 'kill'; readonly run: string }
  /** A change of the layers of this Worker's sandbox; answered by `layered` with the same serial. */
  | { readonly kind: 'layer'; readonly serial: number; readonly order: LayerOrder }
  | Decided
  /** A question of the owner about a run; answered by `told` with the same serial. */
  | { readonly kind: 'ask'; readonly serial: number; readonly run: string; readonly about: RunQuestion }
  /** Ends all runs and the Worker. */
  | { readonly kind: 'end' };

/** What the starting process answers to `decide`: `ask` says that a person is asked now, and is followed by an answer. */
export interface Decided {
  readonly kind: 'decided';
  readonly ticket: number;
  readonly verdict: 'allow' | 'deny' | 'ask';
  /** Who has answered, as denials name it. */
  readonly by: string;
}

/** A question of a call to the starting process. */
export interface Question {
  readonly ticket: number;
  readonly request: DecideRequest;
  /** Equal where it is the same question about the very same objects: a number of a process can come to mean another one. */
  readonly key: string;
  /** Whether a rule of the policy says `ask`: the function has its say first, and a person the last. */
  readonly ask: boolean;
}

/** How long calls wait for an answer, milliseconds. */
export interface Patience {
  readonly decide: number;
  readonly ask: number;
}

export type { LayerAnswered, LayerEditEntry, LayerInfo, LayerOrder } from '../model/layers/rule-orders.ts';

/** What the owner of a run may want to know of it. */
export type RunQuestion =
  /** The domain of a process, in which programs have put it themselves. */
  | { readonly kind: 'domain'; readonly pid: number }
  /** Everything that a restore needs. */
  | { readonly kind: 'checkpoint' };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'told'; readonly serial: number; readonly told: unknown }
  | { readonly kind: 'layered'; readonly serial: number; readonly answered: LayerAnswered }
  /** A function of the starting process is asked; the call waits for `decided` with the same ticket. */
  | ({ readonly kind: 'decide'; readonly run: string } & Question)
  /** Nobody waits for the answer any more. It is still to be given. */
  | { readonly kind: 'withdrawn'; readonly run: string; readonly ticket: number }
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
      /** What the maps of policy programs held. */
      readonly maps?: readonly ProgramMaps[];
    };
