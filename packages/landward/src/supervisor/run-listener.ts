/** What the main thread and a deciding Worker's owner tell each other of runs. Owns the words; `supervisor.ts` speaks them. */

import type { DenialEvent } from '../model/denial.ts';
import type { ProgramMaps } from '../model/programs/index.ts';
import type { RuleLayer } from '../model/rules.ts';
import type { Answer } from './functions/deciding-host.ts';
import type { LayerEditEntry, Question } from './messages.ts';
import type { NameService } from './names/service.ts';
import type { RuleUse } from './run.ts';

/** A change of the layers of a sandbox: the line for the log, and the layer as it is since. */
export interface LayerChange {
  readonly entry: LayerEditEntry;
  readonly layer: RuleLayer;
}

/** What a run tells while it lives. */
export interface RunListener {
  /** Denials of a new kind. */
  denied(events: readonly DenialEvent[]): void;
  /** Why calls were refused that no rule denies; `defect` where that is a defect of landward. */
  noted(text: string, defect: boolean): void;
  /** The layers of the run's sandbox were changed; of a run that starts later, before it starts. */
  layered?(change: LayerChange): void;
  /** The supervisor has ended the tree, for this reason. */
  killed(reason: string): void;
  /** A function is asked. Answered exactly once, besides `ask`. A denial where nobody hears. */
  decide?(question: Question, answer: Answer): void;
  /** Nobody waits for the answer to a question any more. */
  withdrawn?(ticket: number): void;
  /** No process of the run is left. */
  over(uses: readonly RuleUse[], maps?: readonly ProgramMaps[]): void;
}

/** A start that the kernel refused: the index of the step in the image. */
export interface StartRefusal {
  readonly step: number;
  readonly errno: number;
}

export interface StartedRun {
  readonly pid: number;
  /** The caller's to close. */
  readonly pidfd: number;
  /** Denials that were not told one by one; complete once the run is over. */
  dropped(): number;
}

export interface SupervisorOptions {
  /** A ruleset with which the Worker restricts itself, `null` for none; the caller's to close afterwards. */
  readonly floor: number | null;
  /** The Worker's module; landward's own when absent, another one to supervise with other handlers. */
  readonly entry?: string | undefined;
  /** The name server of the plan; ended with the Worker. */
  readonly names?: NameService | undefined;
}
