/**
 * Which run a process of a log belongs to. Logs have the numbers of the first PID namespace, so that only runs whose numbers
 * are of that namespace can be matched; a number that was used again means the run that began last before.
 */

import type { FindRun } from '../correlate.ts';
import { FIRST_NAMESPACE, type KnownRun } from './read.ts';

/** Clocks of audit and of the registry are the same, but a record is written a moment after the start. */
const SLACK_MS = 10_000;

/** Finds runs of a registry for a correlator. */
export function matchRuns(runs: Iterable<KnownRun>): FindRun {
  const byPid = new Map<number, KnownRun[]>();
  for (const run of runs) {
    if (run.record.namespace !== FIRST_NAMESPACE) continue;
    const same = byPid.get(run.record.pid);
    if (same === undefined) byPid.set(run.record.pid, [run]);
    else same.push(run);
  }
  for (const same of byPid.values()) same.sort((a, b) => b.record.time - a.record.time);
  return ({ pid }, time) => {
    const found = byPid
      .get(pid)
      ?.find(
        ({ record, end }) =>
          record.time - SLACK_MS <= time && (end === undefined || time <= end.time + SLACK_MS),
      );
    if (found === undefined) return undefined;
    const { id, digest } = found.record;
    return digest === '' ? { run: id } : { run: id, digest };
  };
}

const REFRESH_MS = 1000;

/**
 * The same over a registry that grows: where no run is found, the registry is read again, at most once a second.
 *
 * @param list reads the registry
 */
export function matchGrowing(
  list: () => Iterable<KnownRun>,
  now: () => number = () => performance.now(),
): FindRun {
  let find = matchRuns(list());
  let read = now();
  return (process, time) => {
    const found = find(process, time);
    if (found !== undefined || now() - read < REFRESH_MS) return found;
    find = matchRuns(list());
    read = now();
    return find(process, time);
  };
}
