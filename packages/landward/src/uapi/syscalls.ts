/**
 * System calls by name and number for the architectures that landward runs on.
 *
 * Owns the look-up over the generated tables. What a call is for is in `classes.ts`; what may happen to it is the
 * business of the filter.
 */

import { SYSCALLS_AARCH64 } from './syscalls-aarch64.ts';
import { SYSCALLS_X86_64 } from './syscalls-x86_64.ts';

/** An architecture that landward runs on. */
export type Arch = 'x86_64' | 'aarch64';

/** The name of a call on at least one architecture. */
export type SyscallName = keyof typeof SYSCALLS_X86_64 | keyof typeof SYSCALLS_AARCH64;

/** Numbers by architecture and name. */
export const SYSCALLS: Readonly<Record<Arch, Readonly<Partial<Record<SyscallName, number>>>>> = {
  x86_64: SYSCALLS_X86_64,
  aarch64: SYSCALLS_AARCH64,
};

/** Made when first asked for: a start needs no names, and would pay for both tables. */
const names: { [A in Arch]?: ReadonlyMap<number, SyscallName> } = {};

/**
 * The number of a call.
 *
 * @returns the number, or `undefined` where the architecture doesn't have the call
 * @example syscallNumber('x86_64', 'open') // 2; undefined on aarch64
 */
export function syscallNumber(arch: Arch, name: SyscallName): number | undefined {
  return SYSCALLS[arch][name];
}

/** The name of a number, or `undefined` where the newest table has none. */
export function syscallName(arch: Arch, number: number): SyscallName | undefined {
  names[arch] ??= byNumber(arch);
  return names[arch].get(number);
}

/** Whether a text names a call of any architecture. */
export function isSyscallName(text: string): text is SyscallName {
  return Object.hasOwn(SYSCALLS_X86_64, text) || Object.hasOwn(SYSCALLS_AARCH64, text);
}

function byNumber(arch: Arch): ReadonlyMap<number, SyscallName> {
  return new Map(
    (Object.entries(SYSCALLS[arch]) as [SyscallName, number][]).map(([name, number]) => [number, name]),
  );
}
