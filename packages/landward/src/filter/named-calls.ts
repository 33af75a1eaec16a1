/**
 * Asking about system calls by their names alone: for layers of system calls that may change.
 *
 * Owns the place of that question among the rules: after everything that refuses, and before anything that would let such a
 * call pass unasked.
 */

import type { SyscallName } from '../uapi/syscalls.ts';
import { NOTIFY } from './action.ts';
import type { FilterRule } from './rules.ts';

const BECAUSE = 'a layer that may change speaks about it';

/** The rules with every call of these names either refused by an earlier rule or asked about. */
export function askedByName(
  rules: readonly FilterRule[],
  calls: readonly SyscallName[],
): readonly FilterRule[] {
  if (calls.length === 0) return rules;
  const named = new Set(calls);
  const asked = rules.flatMap((rule): FilterRule[] => {
    if (rule.action.kind !== 'allow') return [rule];
    const [some, others] = [
      rule.syscalls.filter((name) => named.has(name)),
      rule.syscalls.filter((name) => !named.has(name)),
    ];
    return [
      ...(some.length === 0 ? [] : [{ ...rule, syscalls: some, action: NOTIFY, because: BECAUSE }]),
      ...(others.length === 0 ? [] : [{ ...rule, syscalls: others }]),
    ];
  });
  return [...asked, { syscalls: calls, action: NOTIFY, because: BECAUSE }];
}
