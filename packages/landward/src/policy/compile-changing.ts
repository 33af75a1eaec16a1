/**
 * Layers that may change: kept out of the kernel's part, which could never give back what it once denied, and out of the
 * filter. The supervisor alone holds them.
 *
 * Owns what such a layer makes a supervisor be asked about.
 */

import { LandwardError } from '../errors.ts';
import type { Category, RuleLayer } from '../model/rules.ts';
import { SYSCALLS, type SyscallName } from '../uapi/syscalls.ts';
import { locate, relocatedLayer } from './compile-facts.ts';
import type { Host } from './plan.ts';

/** Categories that layers which are added later may speak about. */
const ALL: readonly Category[] = ['fs', 'net', 'unix', 'process'];

/** What of a policy may change. */
export interface ChangingPart {
  /** After symbolic links, in the order of the policy. */
  readonly layers: readonly RuleLayer[];
  readonly asks: readonly Category[];
  readonly calls: readonly SyscallName[];
  readonly addsLayers: boolean;
}

/** The layers that never change, which the kernel's part is made of. */
export function fixedLayers(layers: readonly RuleLayer[]): readonly RuleLayer[] {
  return layers.filter(({ mutable }) => mutable === undefined);
}

/**
 * The layers that may change.
 *
 * @param addsLayers whether layers may be added while programs run
 * @throws PolicyErrors as `locate`
 * @throws LandwardError POLICY_INVALID for system calls that nobody could be asked about
 */
export function changingPart(
  layers: readonly RuleLayer[],
  host: Host,
  foreign: readonly string[] | undefined,
  addsLayers: boolean,
): ChangingPart {
  const changing = layers.filter(({ mutable }) => mutable !== undefined);
  const located = locate(changing, host, foreign).map(relocatedLayer);
  const spoken = changing.flatMap(({ categories }) => categories);
  const names = changing.flatMap(({ calls }) => calls?.handled ?? []);
  return {
    layers: located,
    asks: addsLayers ? ALL : [...new Set(spoken)].sort(),
    calls: [...new Set(names)].sort().map(askable),
    addsLayers,
  };
}

/**
 * The start of a program needs these between its filter and its first instruction, where nobody could answer, and ending
 * must never wait for anybody.
 */
const UNASKABLE: ReadonlySet<string> = new Set([
  'read',
  'write',
  'close',
  'getpgid',
  'execve',
  'exit',
  'exit_group',
  'rt_sigreturn',
  'restart_syscall',
]);

function askable(name: string): SyscallName {
  if (!(name in SYSCALLS.x86_64) && !(name in SYSCALLS.aarch64))
    throw new LandwardError('POLICY_INVALID', `There is no system call named '${name}'`, { part: name });
  if (UNASKABLE.has(name))
    throw new LandwardError(
      'POLICY_INVALID',
      `No layer that may change can speak about '${name}', which every start and end of a program needs`,
      { part: name, fix: "Leave it out, or leave 'mutable' out of this layer" },
    );
  return name as SyscallName;
}
