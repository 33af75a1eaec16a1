/**
 * Plans for programs that use Landlock themselves: its calls are answered by the model, whatever the kernel has, and nothing
 * else is restricted, so that the program's own domains are all there is.
 *
 * Owns what the supervisor must be asked about for that.
 */

import { LandwardError } from '../errors.ts';
import { composeFilter } from '../filter/compose.ts';
import { NOTIFY_GROUPS, type NotifyGroup } from '../filter/notify.ts';
import { OPEN_FILTER } from '../filter/spec.ts';
import { ARCH } from '../kernel/call.ts';
import { supervisorState } from '../kernel/supervisor.ts';
import { SOCKET_MODES, type SocketMode } from '../model/sockets/modes.ts';
import type { Plan } from '../policy/plan.ts';
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
  'control',
  'shutdown',
];

/** What programs get. */
export interface UserLandlockOptions {
  /** The ABI that they are shown, 1 to 11; the newest when absent. */
  readonly abi?: number;
  /** Whose credential decides on sockets; `caller`, as in Linux, when absent. */
  readonly sockets?: SocketMode;
  /**
   * Who may load policy programs and enforce them on itself: `unprivileged`, whoever has set no_new_privs (when absent), or
   * `privileged`, who has CAP_SYS_ADMIN; then set-id programs go on working.
   */
  readonly programs?: ProgramRule;
}

/** The rules for enforcing policy programs. */
export const PROGRAM_RULES = ['unprivileged', 'privileged'] as const;
export type ProgramRule = (typeof PROGRAM_RULES)[number];

/** What the supervisor is asked about: sockets are followed from their making in all modes but that of Linux. */
function groupsFor(sockets: SocketMode): readonly NotifyGroup[] {
  if (sockets === 'caller') return GROUPS;
  return sockets === 'revalidate' ? [...GROUPS, 'socket', 'use'] : [...GROUPS, 'socket'];
}

/** Whether the calls that use a socket have handlers. */
async function isUseAnswered(): Promise<boolean> {
  const { CALLS } = await import('../supervisor/calls.ts');
  return NOTIFY_GROUPS.use.syscalls.every((name) => CALLS[name] !== undefined);
}

/**
 * A plan whose programs get their Landlock from the supervisor.
 *
 * @returns a plan for `run`, `spawn` and `prepare`; nothing but the domains that programs make by themselves is in it
 * @throws LandwardError USAGE for an ABI or a mode that the model does not know, UNSUPPORTED where the supervisor does not
 *   work
 * @example const plan = await userLandlockPlan({ sockets: 'both' });
 */
export async function userLandlockPlan({
  abi = NEWEST_ABI,
  sockets = 'caller',
  programs = 'unprivileged',
}: UserLandlockOptions = {}): Promise<Plan> {
  if (!Number.isInteger(abi) || abi < 1 || abi > NEWEST_ABI)
    throw new LandwardError('USAGE', `There is no Landlock ABI ${abi} to show to programs`, {
      fix: `Use a number from 1 to ${NEWEST_ABI}`,
    });
  if (!SOCKET_MODES.includes(sockets))
    throw new LandwardError('USAGE', `There is no mode ${sockets} for sockets`, {
      fix: `Use one of ${SOCKET_MODES.join(', ')}`,
    });
  if (!PROGRAM_RULES.includes(programs))
    throw new LandwardError('USAGE', `There is no rule ${programs} for policy programs`, {
      fix: `Use one of ${PROGRAM_RULES.join(', ')}`,
    });
  if (sockets === 'revalidate' && !(await isUseAnswered()))
    throw new LandwardError('UNSUPPORTED', 'No use of a socket is asked about again in this version', {
      fix: 'Use reconfigure-scope to keep programs from aiming sockets of before, or leave revalidate to the model',
    });
  const state = supervisorState();
  if (!state.works)
    throw new LandwardError('UNSUPPORTED', `Landlock cannot be given to programs: ${state.reason}`);
  const { keepsNumbers } = await import('../supervisor/landlock/thread-number.ts');
  if (!keepsNumbers())
    throw new LandwardError(
      'UNSUPPORTED',
      'Landlock cannot be given to programs: this kernel does not keep a number for each thread in its I/O priority (Linux 6.5), or landward runs under such a supervisor already',
    );
  const errata = ERRATA.filter((erratum) => erratum.abi <= abi).reduce(
    (mask, { number }) => mask | (1 << (number - 1)),
    0,
  );
  const groups = groupsFor(sockets);
  const plan = await compile({ name: 'user-space Landlock', value: {} }, { keepGaps: true });
  return {
    ...plan,
    report: plan.report,
    layers: [],
    ruleset: null,
    create: [],
    env: { pass: null, scrub: [], set: {} },
    gaps: [],
    filter: composeFilter({ ...OPEN_FILTER, arch: ARCH, notify: groups }),
    supervisor: {
      closes: [],
      groups,
      names: [],
      mode: 'enforce',
      landlock: { abi, errata, sockets, programs },
    },
    stays: true,
  };
}
