/** What a run on the deciding thread reports to: its denials, notes and end on their way to the main thread. Owns the wiring. */

import type { FromWorker } from './messages.ts';
import { Reports } from './reports.ts';
import type { RunEars } from './state.ts';
import { idTag, killMembers } from './tag.ts';
import type { Ticks } from './ticks.ts';

/** The reports and ears of a run. */
export function earsOf(
  id: string,
  first: number,
  ticks: Ticks,
  post: (message: FromWorker) => void,
): { readonly reports: Reports; readonly ears: RunEars } {
  const reports = new Reports({
    denied: (events) => post({ kind: 'events', run: id, events }),
    noted: (text, defect) => post({ kind: 'noted', run: id, text, defect }),
  });
  const ears = {
    first,
    report: reports.add.bind(reports),
    note: (text: string) => reports.note(text, false),
    hush: reports.hush.bind(reports),
    every: ticks.add.bind(ticks),
    kill: (reason: string) => {
      post({ kind: 'killed', run: id, reason });
      killMembers(idTag(id));
    },
  };
  return { reports, ears };
}
