/**
 * What the owner of a run is told about it, between two calls.
 *
 * Owns the finding of what is asked about. It changes nothing, and a run that has ended is told of as nothing.
 */

import type { Saved } from '../model/saved-run.ts';
import { knownLandlock } from './landlock/landlock-run.ts';
import { saveLandlock } from './landlock/save.ts';
import { seenDomain } from './landlock/seen-domain.ts';
import type { LiveLayers } from './live-layers.ts';
import type { FromWorker, RunQuestion, ToWorker } from './messages.ts';
import type { LiveRun } from './state.ts';
import { idTag, tagOf } from './tag.ts';

/** Answers a question about one of the runs. */
export function tell(
  { serial, run: id, about }: Extract<ToWorker, { kind: 'ask' }>,
  runs: Iterable<{ readonly run: LiveRun }>,
  layers: LiveLayers,
): FromWorker {
  const found = [...runs].find(({ run }) => run.id === id)?.run;
  return { kind: 'told', serial, told: found === undefined ? undefined : told(found, about, layers) };
}

function told(run: LiveRun, about: RunQuestion, layers: LiveLayers): unknown {
  const landlock = knownLandlock(run);
  switch (about.kind) {
    case 'domain':
      if (tagOf(about.pid) !== idTag(run.id)) return undefined;
      return landlock === undefined ? null : seenDomain(landlock, about.pid);
    case 'checkpoint': {
      const refused: string[] = [];
      const saved = landlock === undefined ? null : saveLandlock(landlock, refused);
      const { programs, decides, mode } = run.plan.supervisor;
      if (programs !== undefined) refused.push('policy programs of the run, and what their maps hold');
      if (decides !== undefined) refused.push('functions of the process that has started the run');
      if (mode === 'observe') refused.push('what a trial or explanation has noted');
      const lost =
        landlock === undefined
          ? []
          : ['rulesets and handles of domains that programs hold open: to use one fails'];
      return {
        run: { id: run.id, layers: layers.saved(), landlock: saved },
        refused: [...new Set(refused)],
        lost,
      } satisfies Saved;
    }
  }
}
