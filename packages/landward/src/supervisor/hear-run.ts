/** What the deciding Worker tells of a run, handed to whoever listens to that run. Owns the distribution only. */

import type { Answer } from './functions/deciding-host.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { RunListener, StartedRun, StartRefusal } from './run-listener.ts';

/** A run on the main thread's side. */
export interface RunEntry {
  readonly listener: RunListener;
  readonly started: (result: StartedRun | StartRefusal) => void;
  readonly flushes: Map<number, () => void>;
  dropped: number;
}

/** What can be told of a run. */
export type RunMessage = Extract<FromWorker, { readonly run: string }>;

/** What else has to happen. */
export interface Hearing {
  forget(): void;
  defect(text: string): void;
  send(message: ToWorker): void;
}

/** Hands a message on. */
export function hearRun(entry: RunEntry, message: RunMessage, { forget, defect, send }: Hearing): void {
  const { listener } = entry;
  switch (message.kind) {
    case 'started':
      entry.started({ pid: message.pid, pidfd: message.pidfd, dropped: () => entry.dropped });
      break;
    case 'not-started':
      forget();
      entry.started({ step: message.step, errno: message.errno });
      break;
    case 'events':
      listener.denied(message.events);
      break;
    case 'flushed':
      entry.dropped = message.dropped;
      entry.flushes.get(message.serial)?.();
      entry.flushes.delete(message.serial);
      break;
    case 'noted':
      if (message.defect) defect(message.text);
      listener.noted(message.text, message.defect);
      break;
    case 'decide': {
      const { ticket } = message;
      const answer: Answer = (decided) => send({ kind: 'decided', ticket, ...decided });
      if (listener.decide === undefined) answer({ verdict: 'deny', by: 'nobody (no function decides)' });
      else listener.decide(message, answer);
      break;
    }
    case 'withdrawn':
      listener.withdrawn?.(message.ticket);
      break;
    case 'killed':
      listener.killed(message.reason);
      break;
    case 'over':
      entry.dropped = message.dropped;
      forget();
      listener.over(message.uses, message.maps);
  }
}
