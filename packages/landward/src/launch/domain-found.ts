/**
 * Finding out in which domain a process is, from the mark of its run, the registry, and the supervisor of the run.
 *
 * Owns that everything that was read belongs to the process behind the pidfd: its number is read from the pidfd before and
 * after. Who may know is decided by whoever is asked.
 */

import { findRuns, type KnownRun } from '../audit/registry/read.ts';
import { LandwardError } from '../errors.ts';
import type { SeenDomain } from '../supervisor/landlock/seen-domain.ts';
import { isTagged, tagId, tagOf } from '../supervisor/tag.ts';
import { askRun, ControlRefusal, hasControl } from './control/client.ts';
import { pidOf } from './control/peer.ts';
import { stateDirectory } from './variables.ts';

/** What was found out about a process, all of it while it was there. */
export interface FoundDomain {
  /** The run's id. */
  readonly run: string;
  /** The run in this user's registry. */
  readonly known: KnownRun | undefined;
  /** Domains that the program has made itself. */
  readonly own: SeenDomain | null;
}

/**
 * Finds the domain of a process.
 *
 * @param pidfd of the process, the caller's
 * @throws LandwardError UNSUPPORTED where nothing is known of its restrictions, KERNEL where it has ended
 */
export async function findDomain(pidfd: number): Promise<FoundDomain> {
  const pid = pidOf(pidfd);
  const tag = pid === null ? undefined : tagOf(pid);
  // What was read under the number is the process's only as long as the pidfd says that it has that number.
  if (pid === null || tag === undefined || pidOf(pidfd) !== pid) throw gone();
  if (!isTagged(tag))
    throw unsupported(
      `What restricts process ${pid} is unknown: it is in no sandbox that landward supervises, and no kernel tells whether it is in another`,
    );
  const run = tagId(tag);
  const known = findRuns(stateDirectory(), run)[0];
  const own = known === undefined ? null : await ownDomain(known, pid);
  if (pidOf(pidfd) !== pid) throw gone();
  if (own === null && known?.record.domains === 0)
    throw unsupported(
      `What restricts process ${pid} is unknown: it has not restricted itself, and its run ${run} restricts nothing besides`,
    );
  return { run, known, own };
}

/** The domains that a program has made itself, where its supervisor answers for them. */
async function ownDomain(known: KnownRun, pid: number): Promise<SeenDomain | null> {
  if (!hasControl(known)) return null;
  try {
    return ((await askRun(known, { op: 'domain', pid })) as SeenDomain | null | undefined) ?? null;
  } catch (error) {
    // The run has no such domains; a refusal to tell has another errno, and is no answer.
    if (error instanceof ControlRefusal && error.errno === 0 && error.code === 'USAGE') return null;
    throw error;
  }
}

function gone(): LandwardError {
  return new LandwardError('KERNEL', 'The process has ended, or is not to be seen from here');
}

/** The refusal to say what nobody knows. */
export function unsupported(message: string): LandwardError {
  return new LandwardError('UNSUPPORTED', message, { fix: 'landward ps shows what is known' });
}
