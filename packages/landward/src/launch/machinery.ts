/**
 * What all supervised runs of this process share: one supervisor for each distinct plan, a name server where its policy
 * names hosts, and one guard, which ends every run should this process die.
 *
 * Owns their lives. They are made when they are first needed and none of them keeps the process from ending.
 */

import { LandwardError } from '../errors.ts';
import { Guard } from '../kernel/guard.ts';
import type { Plan } from '../policy/plan.ts';
import type { NameService } from '../supervisor/names/service.ts';
import type { SupervisedPlan } from '../supervisor/run.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import { isSettled } from '../supervisor/target/settled.ts';
import { createDirectories } from './directories.ts';
import { buildFloor } from './floor.ts';

/** Supervisors that may wait for another run of their plan; each costs some megabytes. */
const MOST_IDLE = 8;
const JUST_NOW_MS = 1000;

const supervisors = new Map<string, Promise<Supervisor>>();
let theGuard: Guard | undefined;

/** The guard of this process. */
export function guard(): Guard {
  theGuard ??= Guard.start(() => {
    theGuard = undefined;
    // Nothing would end the programs if this process died now.
    for (const opening of supervisors.values())
      opening.then((one) => one.endRuns('the guard of the supervisor was ended'), ignore);
  });
  return theGuard;
}

/**
 * The supervisor of a plan.
 *
 * @param entry the module of its deciding Worker, where it is not landward's own
 * @throws LandwardError SUPERVISOR where there can be none
 */
export async function supervisorOf(plan: Plan, entry?: string): Promise<Supervisor> {
  const part = supervisedPart(plan);
  // A directory that was removed and made again is another object, which an older floor does not grant.
  const created = createDirectories(plan.create);
  const { sandbox } = part.supervisor;
  const key =
    sandbox ??
    JSON.stringify([entry, part, [...created]], (_, value) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
  for (let opening = supervisors.get(key); opening !== undefined; opening = supervisors.get(key)) {
    const found = await opening.catch(ignore);
    // Layers of a sandbox would be as they were at first in another one.
    if (found?.gone && sandbox !== undefined)
      throw new LandwardError(
        'SUPERVISOR',
        'The supervisor of this sandbox has ended, and its layers with it',
        {
          fix: 'Make another sandbox',
        },
      );
    if (found !== undefined && !found.gone) {
      found.lastUsed = performance.now();
      return found;
    }
    // A failure was told to whoever asked first; the next one tries again.
    if (supervisors.get(key) === opening) supervisors.delete(key);
  }
  const opening = open(plan, part, created, entry);
  supervisors.set(key, opening);
  void closeIdle();
  return opening;
}

async function open(
  plan: Plan,
  part: SupervisedPlan,
  created: ReadonlySet<string>,
  entry: string | undefined,
): Promise<Supervisor> {
  const names = await namesOf(part);
  try {
    using floor = buildFloor(plan, created, names === undefined ? [] : Object.values(names.ports));
    return await Supervisor.open(part, { floor: floor?.number ?? null, entry, names });
  } catch (error) {
    await names?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** Policies that are asked about names have a name server, which is there before the supervisor is. */
async function namesOf({ layers, supervisor }: SupervisedPlan): Promise<NameService | undefined> {
  const { groups, names, mode } = supervisor;
  if (!groups.includes('receive')) return undefined;
  const { startNames } = await import('../supervisor/names/service.ts');
  return startNames({ layers, names, observe: mode === 'observe' });
}

function supervisedPart({ arch, abi, digest, layers, ruleset, filter, supervisor }: Plan): SupervisedPlan {
  if (supervisor === null) throw new LandwardError('USAGE', 'This plan needs no supervisor');
  return { arch, abi, digest, layers, ruleset, isSettled: isSettled({ arch, filter }), supervisor };
}

/** Says that nothing is started in a sandbox any more: its supervisor ends with its last run. */
export async function leaveSandbox(mark: string): Promise<void> {
  const one = await supervisors.get(mark)?.catch(ignore);
  if (one === undefined) return;
  one.whenIdle(() => {
    supervisors.delete(mark);
    one.close();
  });
}

/** Closes supervisors without runs, the oldest first, when there are too many. */
async function closeIdle(): Promise<void> {
  for (const [key, opening] of supervisors) {
    if (supervisors.size <= MOST_IDLE) return;
    const one = await opening.catch(ignore);
    // Whoever has just got it is about to start a run.
    if (one === undefined || !one.idle || performance.now() - one.lastUsed < JUST_NOW_MS) continue;
    // Nobody else could know what has become of the layers.
    if (one.plan.supervisor.sandbox !== undefined) continue;
    supervisors.delete(key);
    one.close();
  }
}

function ignore(): undefined {
  return undefined;
}
