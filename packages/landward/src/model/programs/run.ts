/**
 * Running programs: at a hook every program of the subject's list is asked, newest first, and one that denies is enough.
 * Also the operation that enforces a program, with its errno order.
 */

import { done, type Result, refused } from '../landlock/result.ts';
import {
  type Helpers,
  type Hook,
  type HookContexts,
  type Program,
  type ProgramDomain,
  type ProgramTask,
  prepend,
  ptraceAncestor,
  signalAncestor,
} from './domain.ts';

/** What a program returns: a mask in which one bit denies. A program can neither choose an errno nor end a process. */
export const PROGRAM_RETURN = { ALLOW: 0, DENY: 1 } as const;

const HELPERS: Helpers = { ptraceAncestor, signalAncestor };

/** Whether a value is one that a loader would have proven: anything else can only come from a defect and denies. */
function denies(value: number): boolean {
  return value !== PROGRAM_RETURN.ALLOW;
}

/**
 * Runs a hook's list of a domain, the list as it is now: whoever prepends meanwhile makes another list.
 *
 * @param show makes the context for a program; `null` where it is not asked
 * @param shown is handed the context again, with what the program has written into it
 * @returns the newest program that denies, `null` where none does. All programs run, because one may count what it sees.
 */
export function deniedBy<H extends Hook>(
  domain: ProgramDomain | null,
  hook: H,
  show: (program: Program<H>) => HookContexts[H] | null,
  shown?: (program: Program<H>, context: HookContexts[H]) => void,
): Program<H> | null {
  let denier: Program<H> | null = null;
  for (let node = domain?.lists[hook] ?? null; node !== null; node = node.previous) {
    const program = node.program as Program<H>;
    const context = show(program);
    if (context === null) continue;
    if (denies(program.run(context, HELPERS))) denier ??= program;
    shown?.(program, context);
  }
  return denier;
}

/**
 * Runs a hook's list of a domain.
 *
 * @returns 0, or EPERM (a positive number) if any program denies; 0 where the domain has no program for the hook
 */
export function runHook<H extends Hook>(
  domain: ProgramDomain | null,
  hook: H,
  context: HookContexts[H],
): number {
  return deniedBy(domain, hook, () => context) === null ? 0 : 1;
}

/** A task attaches to another, or does what is guarded alike: the tracer's programs decide. */
export function ptraceAttach(tracer: ProgramTask, tracee: ProgramTask): number {
  return runHook(tracer.domain, 'ptrace', { tracer, tracee });
}

/** A task asks its parent to trace it: the parent's programs decide. */
export function ptraceTraceme(current: ProgramTask, parent: ProgramTask): number {
  return runHook(parent.domain, 'ptrace', { tracer: parent, tracee: current });
}

/** What a program's file descriptor refers to. */
export type ProgramFd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'other' }
  | { readonly kind: 'program'; readonly type: 'landlock' | 'other'; readonly program: Program };

/** The call that puts a program in front of the calling thread's lists. */
export interface PrependCall {
  readonly sysAdmin: boolean;
  /** `privileged` needs CAP_SYS_ADMIN, as in 2019; `unprivileged` needs no_new_privs instead. */
  readonly rule: 'privileged' | 'unprivileged';
  readonly noNewPrivs: boolean;
  readonly flags: number;
  /** `null` for NULL, `unreadable` for memory that cannot be read. */
  readonly pointer: ProgramFd | 'unreadable' | null;
}

/**
 * Enforces a program on the calling thread; threads beside it keep what they have.
 *
 * @returns the thread's new domain, or EPERM, EFAULT, EINVAL, EBADF, EEXIST, E2BIG in this order of checks
 */
export function prependCall(task: ProgramTask, call: PrependCall): Result<ProgramDomain> {
  const may = call.sysAdmin || (call.rule === 'unprivileged' && call.noNewPrivs);
  if (!may) return refused('EPERM');
  if (call.pointer === null) return refused('EFAULT');
  if (call.flags !== 0) return refused('EINVAL');
  if (call.pointer === 'unreadable') return refused('EFAULT');
  if (call.pointer.kind === 'closed') return refused('EBADF');
  if (call.pointer.kind === 'other' || call.pointer.type === 'other') return refused('EINVAL');
  const next = prepend(task.domain, call.pointer.program);
  return next.ok ? done(next.value) : next;
}
