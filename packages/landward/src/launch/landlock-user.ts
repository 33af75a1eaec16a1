/**
 * Plans for programs that use Landlock themselves: its calls are answered by the model, whatever the kernel has, and nothing
 * else is restricted, so that the program's own domains are all there is.
 *
 * Owns what the supervisor must be asked about for that.
 */

import { LandwardError } from '../errors.ts';
import { composeFilter } from '../filter/compose.ts';
import type { NotifyGroup } from '../filter/notify.ts';
import { OPEN_FILTER } from '../filter/spec.ts';
import { ARCH } from '../kernel/call.ts';
import { supervisorState } from '../kernel/supervisor.ts';
import type { Plan } from '../policy/plan.ts';
import { keepsNumbers } from '../supervisor/landlock/thread-number.ts';
import { ERRATA } from '../uapi/landlock.ts';
import { compile } from './compile.ts';

/** The newest ABI that the model knows. */
export const NEWEST_ABI = 11;

const GROUPS: readonly NotifyGroup[] = [
  'open',
  'create',
  'remove',
  'refer',
  'truncate',
  'opened',
  'execute',
  'connect',
  'bind',
  'send',
  'signal',
  'ptrace',
  'mount',
  'landlock',
  'credential',
  'guard',
];

/**
 * A plan whose programs get their Landlock from the supervisor.
 *
 * @param abi what the programs are shown
 * @throws LandwardError USAGE for an ABI that the model does not know, UNSUPPORTED where the supervisor does not work
 */
export async function userLandlockPlan(abi: number = NEWEST_ABI): Promise<Plan> {
  if (!Number.isInteger(abi) || abi < 1 || abi > NEWEST_ABI)
    throw new LandwardError('USAGE', `There is no Landlock ABI ${abi} to show to programs`, {
      fix: `Use a number from 1 to ${NEWEST_ABI}`,
    });
  const state = supervisorState();
  if (!state.works)
    throw new LandwardError('UNSUPPORTED', `Landlock cannot be given to programs: ${state.reason}`);
  if (!keepsNumbers())
    throw new LandwardError(
      'UNSUPPORTED',
      'Landlock cannot be given to programs: this kernel does not keep a number for each thread in its I/O priority (Linux 6.5), or landward runs under such a supervisor already',
    );
  const errata = ERRATA.filter((erratum) => erratum.abi <= abi).reduce(
    (mask, { number }) => mask | (1 << (number - 1)),
    0,
  );
  const plan = await compile({ name: 'user-space Landlock', value: {} }, { keepGaps: true });
  return {
    ...plan,
    report: plan.report,
    layers: [],
    ruleset: null,
    create: [],
    env: { pass: null, scrub: [], set: {} },
    gaps: [],
    filter: composeFilter({ ...OPEN_FILTER, arch: ARCH, notify: GROUPS }),
    supervisor: { closes: [], groups: GROUPS, names: [], mode: 'enforce', landlock: { abi, errata } },
    stays: true,
  };
}
