/** What `landward ps` looks at: the registry, /proc, and where it is asked for, a log that tells identifiers of domains. */

import { readFileSync } from 'node:fs';
import { Correlator } from '../correlate.ts';
import { matchRuns } from '../registry/match.ts';
import { bootId, type KnownRun, listRuns, pidNamespace } from '../registry/read.ts';
import type { Source } from '../sources/source.ts';
import { readProcesses } from './processes.ts';
import { findSandboxes, type RunFact, type View } from './sandboxes.ts';

export interface PsOptions {
  /** Runs that have ended, too. */
  readonly all: boolean;
  /** A log that tells which domain of the kernel a run has; it is read to its end. */
  readonly log?: Source | undefined;
}

/**
 * Gathers the sandboxes that this user can see.
 *
 * @param state landward's state directory
 */
export async function gatherSandboxes(state: string, options: PsOptions): Promise<View> {
  // A run that was restored is there once for each time that it went on; the newest says how it goes on now.
  const ids = new Set<string>();
  const runs = [...listRuns(state)].filter(({ record: { id } }) => !ids.has(id) && ids.add(id));
  const domains = options.log === undefined ? new Map<string, bigint>() : await domainsOf(runs, options.log);
  const processes = readProcesses();
  const facts = runs.map((run): RunFact => {
    const { record, end } = run;
    const domain = domains.get(record.id);
    return {
      record,
      ended: end !== undefined,
      denials: record.mode === 'kernel' ? null : (end?.denials ?? linesIn(`${run.stem}.denials`)),
      ...(domain === undefined ? {} : { domain }),
    };
  });
  const view = findSandboxes(facts, processes, {
    pid: process.pid,
    namespace: pidNamespace(),
    boot: bootId(),
  });
  return options.all ? view : { ...view, sandboxes: view.sandboxes.filter(({ state }) => state !== 'ended') };
}

/** The youngest domain of each run, as far as a log named it. */
async function domainsOf(runs: readonly KnownRun[], log: Source): Promise<Map<string, bigint>> {
  const correlator = new Correlator(matchRuns(runs));
  const found = new Map<string, bigint>();
  for await (const batch of log.batches())
    for (const item of batch.flatMap((each) => correlator.join(each))) {
      const { run, domain } = item.kind === 'denial' ? item.event : {};
      // A program that confines itself further has younger domains of its own, which have greater numbers.
      if (run !== undefined && domain?.kind === 'kernel' && !((found.get(run) ?? domain.id) < domain.id))
        found.set(run, domain.id);
    }
  return found;
}

function linesIn(path: string): number {
  try {
    const bytes = readFileSync(path);
    let lines = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
    return lines;
  } catch {
    return 0;
  }
}
