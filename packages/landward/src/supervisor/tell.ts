/**
 * What the owner of a run is told about it, between two calls.
 *
 * Owns the finding of what is asked about. It changes nothing, and a run that has ended is told of as nothing.
 */

import { knownLandlock } from './landlock/landlock-run.ts';
import { seenDomain } from './landlock/seen-domain.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { LiveRun } from './state.ts';
import { idTag, tagOf } from './tag.ts';

/** Answers a question about one of the runs. */
export function tell(
  { serial, run: id, about }: Extract<ToWorker, { kind: 'ask' }>,
  runs: Iterable<{ readonly run: LiveRun }>,
): FromWorker {
  const found = [...runs].find(({ run }) => run.id === id)?.run;
  return { kind: 'told', serial, told: found === undefined ? undefined : told(found, about) };
}

function told(run: LiveRun, about: Extract<ToWorker, { kind: 'ask' }>['about']): unknown {
  const landlock = knownLandlock(run);
  switch (about.kind) {
    case 'domain':
      if (tagOf(about.pid) !== idTag(run.id)) return undefined;
      return landlock === undefined ? null : seenDomain(landlock, about.pid);
    case 'checkpoint':
      return undefined;
  }
}
