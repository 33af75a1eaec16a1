/**
 * Keeping a run and going on with it: the same id and mark, the same layers with their versions and seals, the same domains with
 * their identifiers. What cannot be brought back is refused by name, never left out.
 *
 * Owns which run may be kept and restored. The processes themselves are another program's business.
 */

import { LandwardError } from '../errors.ts';
import type { SavedLandlock, SavedRun } from '../model/saved-run.ts';
import type { Plan, SupervisorPlan } from '../policy/plan.ts';
import { type Kept, readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { askRun, findRun } from './control/client.ts';
import { changedPaths } from './domain-layers.ts';
import { escapeText, quote } from './escape.ts';
import { planHost } from './host.ts';
import { stateDirectory } from './variables.ts';

/** What was kept. */
export interface Checkpointed {
  readonly run: string;
  /** The threads that there were, and the number of the state that each one had. */
  readonly threads: SavedLandlock['threads'];
  /** What is gone after a restore, without anything being allowed by that. */
  readonly lost: readonly string[];
}

/**
 * Keeps a run in a new file. The run goes on.
 *
 * @param run as `findRun` takes it
 * @throws LandwardError UNSUPPORTED naming what could not be restored; as `askRun`; STORE
 */
export async function checkpoint(run: string | undefined, file: string): Promise<Checkpointed> {
  const state = stateDirectory();
  const found = findRun(state, run);
  const packed = (await askRun(found, { op: 'checkpoint' })) as string;
  const { saved } = JSON.parse(packed) as Kept;
  if (saved.refused.length > 0)
    throw new LandwardError(
      'UNSUPPORTED',
      `The run cannot be kept, because no restore could bring back: ${saved.refused.join('; ')}`,
      {
        part: found.record.id,
      },
    );
  try {
    writeCheckpoint(file, packed, state);
  } catch (cause) {
    if (cause instanceof LandwardError) throw cause;
    throw new LandwardError('STORE', `The file ${quote(file)} cannot be made: ${(cause as Error).message}`, {
      part: file,
      cause,
    });
  }
  return { run: found.record.id, threads: saved.run.landlock?.threads ?? [], lost: saved.lost };
}

/**
 * The plan under which a kept run goes on.
 *
 * @param as the thread whose domain the program that is started goes on in, as if that thread had executed it; needed where the
 *   first threads of the processes were in several
 * @throws LandwardError STORE for a file that is not to be trusted, PATH_CHANGED where a rule would mean something else, UNSUPPORTED for another host, USAGE for a thread that there was
 *   not
 */
export function restoredPlan(file: string, as?: number): Plan {
  const { plan, saved, sealed } = readCheckpoint(file, stateDirectory());
  const { supervisor } = plan;
  const host = planHost();
  if (supervisor === null || plan.arch !== host.arch || plan.abi !== host.abi)
    throw new LandwardError(
      'UNSUPPORTED',
      `The run was kept on ${plan.arch} with Landlock ABI ${plan.abi}, and this host has ${host.arch} with ${host.abi}`,
    );
  // The supervisor looks again, and refuses without being able to say why.
  const changed = changedPaths((saved.run.landlock?.domains ?? []).flatMap(({ paths }) => paths));
  if (changed.length > 0)
    throw new LandwardError(
      'PATH_CHANGED',
      `The domains of the run cannot be made again: ${changed.map(quote).join(', ')} is another object now, or none`,
      { part: changed[0], fix: 'Restore where every object of the rules is still the same' },
    );
  const { sandbox: _mark, ...rest } = supervisor;
  const part: SupervisorPlan = { ...rest, restored: restoredRun(saved.run, sealed, as) };
  return { ...plan, report: plan.report, supervisor: part };
}

function restoredRun({ id, layers, landlock }: SavedRun, sealed: readonly number[], as?: number): SavedRun {
  return {
    id,
    layers:
      layers === null
        ? null
        : {
            ...layers,
            entries: layers.entries.map((entry) => ({
              ...entry,
              // A draft that nobody committed is not kept.
              draft: entry.committed.at(-1)!,
              ...(sealed.includes(entry.key) ? { mutability: 'immutable' as const } : {}),
            })),
          },
    landlock: landlock === null ? null : { ...landlock, start: stateOf(landlock, as) },
  };
}

/** The state in which the program starts: that of a thread, as if the thread had executed it. */
function stateOf({ threads, states }: SavedLandlock, as: number | undefined): number {
  const own = threads.filter(({ pid, tid }) => (as === undefined ? tid === pid : tid === as));
  const found = [...new Set(own.map(({ state }) => state))];
  if (found.length === 1 && states[found[0]!] != null) return found[0]!;
  const firsts = threads.filter(({ pid, tid }) => pid === tid);
  const who = firsts.map(({ tid, comm, state }) => `${tid} (${escapeText(comm)}, state ${state})`).join(', ');
  throw new LandwardError(
    'USAGE',
    found.length === 0
      ? `There was no thread ${as ?? ''} in the run`
      : `The processes of the run were in ${found.length} domains, and a program starts in one`,
    { fix: `Name with --as whose domain is meant: ${who}` },
  );
}
