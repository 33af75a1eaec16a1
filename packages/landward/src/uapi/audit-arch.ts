/**
 * The architecture tokens that the kernel puts into seccomp data and audit records.
 *
 * Owns the numbers. That a foreign token ends the process is decided by the filter.
 */

import type { Arch } from './syscalls.ts';

/** Tokens by the kernel's name, unsigned. */
export const AUDIT_ARCH = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
} as const satisfies Record<Arch | 'i386' | 'arm', number>;

/** The bit that marks a call of the x32 interface, which shares the token of x86-64. */
export const X32_SYSCALL_BIT = 0x40000000;
