/**
 * Filter rules as data: which calls, under which conditions on their arguments, meet which action.
 *
 * The first rule that matches a call decides; a call that no rule matches is allowed. Owns the vocabulary;
 * `compile.ts` turns it into a program.
 */

import type { SyscallName } from '../uapi/syscalls.ts';
import type { Action } from './action.ts';

/**
 * A condition on one argument.
 *
 * `width` tells how much of the register the kernel reads: 32 for arguments that are `int` or `unsigned int` there,
 * and a comparison must not read more than the kernel does, or high bits that the kernel drops would get past it.
 * 64 is for pointers and `long`. Comparisons are unsigned. With `mask`, the argument is masked first.
 */
export interface Condition {
  /** 0..5 */
  readonly arg: number;
  readonly width: 32 | 64;
  readonly mask?: number | bigint;
  readonly op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
  readonly value: number | bigint;
}

export interface FilterRule {
  readonly syscalls: readonly SyscallName[];
  /** All of them must hold; none means always. */
  readonly when?: readonly Condition[];
  readonly action: Action;
  /** What the rule is for, for printing. */
  readonly because: string;
}

/** An argument that the kernel reads as 32 bits equals a value. */
export function is(arg: number, value: number): Condition {
  return { arg, width: 32, op: 'eq', value };
}

/** An argument that the kernel reads as 32 bits has at least one bit of a mask. */
export function hasAny(arg: number, mask: number): Condition {
  return { arg, width: 32, mask, op: 'ne', value: 0 };
}

/** An argument that the kernel reads as 32 bits has none of the bits of a mask. */
export function hasNone(arg: number, mask: number): Condition {
  return { arg, width: 32, mask, op: 'eq', value: 0 };
}
