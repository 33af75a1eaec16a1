/**
 * Steps that few programs take: what is guarded like ptrace, the end of a parent, other ways to open and to mount, old
 * credentials in io_uring, exec, threads, and the life of a TCP socket. Owns their vocabulary and line format.
 */

import type { At } from './steps.ts';

export const GUARDS = ['seize', 'kcmp', 'getfd', 'exe', 'cwd', 'ns'] as const;
export const REOPENED = ['memfd', 'pipe', 'ns'] as const;
export const STREAM_CALLS = [
  'bind',
  'connect',
  'dissolve',
  'listen',
  'accept',
  'shutdown read',
  'shutdown write',
  'shutdown both',
  'listen for one',
  'start connecting',
] as const;

export type RareStep = { readonly task: number } & (
  | { readonly op: 'guarded'; readonly target: number; readonly by: (typeof GUARDS)[number] }
  /** PTRACE_TRACEME. The task stays traced, so it is a task's last step. */
  | { readonly op: 'traceme' }
  /** Asks for SIGIO when the parent ends; `end` ends a task. */
  | { readonly op: 'deathsig' }
  | { readonly op: 'end'; readonly target: number }
  /** `pivot_root` to a directory with `/` as the old place, which fails at the latest because `/` is busy. */
  | { readonly op: 'pivot'; readonly at: At }
  /** `open_tree` with a clone, then `move_mount`. */
  | { readonly op: 'graft'; readonly at: At; readonly to: At }
  /** `mq_open` with flags of an open step. */
  | { readonly op: 'queue'; readonly flags: number; readonly slot: number }
  /** `open_by_handle_at` below /tmp. */
  | { readonly op: 'handle'; readonly at: At; readonly flags: number; readonly slot: number }
  /** An io_uring, with the present credential registered as its personality. */
  | { readonly op: 'ring'; readonly slot: number }
  | {
      readonly op: 'ringopen';
      readonly slot: number;
      readonly at: At;
      readonly flags: number;
      readonly personality: boolean;
      /** On a worker thread of the kernel. */
      readonly worker: boolean;
    }
  /** Opens a memory file, a pipe or a namespace through /proc. */
  | { readonly op: 'reopen'; readonly what: (typeof REOPENED)[number]; readonly slot: number }
  /** Executes a program that sends signal 0; a task's last step. */
  | { readonly op: 'execkill'; readonly target: number }
  /**
   * A second thread restricts itself with the ruleset in `own` (-1: not at all), the first one restricts itself with `slot`
   * and `flags`, and the second makes a directory.
   */
  | {
      readonly op: 'sibling';
      readonly own: number;
      readonly slot: number;
      readonly flags: number;
      readonly at: At;
    }
  | { readonly op: 'tcp'; readonly slot: number }
  | {
      readonly op: 'stream';
      readonly slot: number;
      readonly call: (typeof STREAM_CALLS)[number];
      readonly port?: number;
      /** Where `accept` puts the connection. */
      readonly accepted?: number;
    }
);

/** The operation names in the order of their numbers in `executor-rare.h`. */
export const RARE_OPS = [
  'guarded',
  'traceme',
  'deathsig',
  'end',
  'pivot',
  'graft',
  'queue',
  'handle',
  'ring',
  'ringopen',
  'reopen',
  'execkill',
  'sibling',
  'tcp',
  'stream',
] as const satisfies readonly RareStep['op'][];

export function isRare(step: { readonly op: string }): step is RareStep {
  return (RARE_OPS as readonly string[]).includes(step.op);
}

/** The numbers and paths of a step's line. */
export function rareOperands(step: RareStep): readonly [readonly number[], readonly string[]] {
  switch (step.op) {
    case 'guarded':
      return [[step.target, GUARDS.indexOf(step.by)], []];
    case 'traceme':
    case 'deathsig':
      return [[], []];
    case 'end':
    case 'execkill':
      return [[step.target], []];
    case 'pivot':
      return [[], [step.at.path]];
    case 'graft':
      return [[], [step.at.path, step.to.path]];
    case 'queue':
      return [[step.flags, step.slot], []];
    case 'handle':
      return [[step.flags, step.slot], [step.at.path]];
    case 'ring':
    case 'tcp':
      return [[step.slot], []];
    case 'ringopen':
      return [[step.flags, step.slot, (step.personality ? 1 : 0) + (step.worker ? 2 : 0)], [step.at.path]];
    case 'reopen':
      return [[REOPENED.indexOf(step.what), step.slot], []];
    case 'sibling':
      return [[step.own, step.slot, step.flags], [step.at.path]];
    case 'stream':
      return [[step.slot, STREAM_CALLS.indexOf(step.call), step.port ?? 0, step.accepted ?? -1], []];
  }
}
