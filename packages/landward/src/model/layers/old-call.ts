/**
 * The call of 2017 that added a rule to the calling task: its checks, in their order. It is what "adding a layer" and "editing one"
 * were before they became two calls.
 */

import { done, type Result, refused } from '../landlock/result.ts';

/** Pages of rules that a task could have. */
const MOST_PAGES = 64;

export interface OldAddCall {
  readonly noNewPrivs: boolean;
  /** CAP_SYS_ADMIN, which the call of that time needed besides. */
  readonly sysAdmin: boolean;
  readonly flags: number;
  /** The size of the rule in bytes; `null` for NULL, `unreadable` for memory that cannot be read. */
  readonly rule: number | null | 'unreadable';
  /** Bytes of the rules that the task has. */
  readonly before: number;
  readonly pageSize: number;
}

/** @returns the bytes of rules afterwards, or EPERM, EFAULT, EINVAL, E2BIG in this order of checks */
export function oldAdd({ noNewPrivs, sysAdmin, flags, rule, before, pageSize }: OldAddCall): Result<number> {
  if (!noNewPrivs || !sysAdmin) return refused('EPERM');
  if (rule === null) return refused('EFAULT');
  if (flags !== 0) return refused('EINVAL');
  if (rule === 'unreadable') return refused('EFAULT');
  const bytes = before + rule;
  return Math.ceil(bytes / pageSize) > MOST_PAGES ? refused('E2BIG') : done(bytes);
}
