/** The calls of Landlock itself and what its answers rest on: who handles each, how it is held, what differs. */

import type { CallTable } from '../call.ts';
import { addRule, createRuleset, restrict } from './calls.ts';
import { ioprioSet } from './io-priority.ts';
import { prctl } from './no-new-privs.ts';
import { seccomp } from './prepend.ts';

/** Calls of Landlock. */
export const LANDLOCK_CALLS = {
  landlock_create_ruleset: {
    handle: createRuleset,
    held: 'emulated',
    residual: 'The descriptor is an epoll instance to procfs.',
  },
  landlock_add_rule: { handle: addRule, held: 'emulated', residual: '' },
  landlock_restrict_self: {
    handle: restrict,
    held: 'emulated',
    residual: 'A run has at most 1023 different domains at a time, over all of its threads.',
  },
  prctl: {
    handle: prctl,
    held: 'registers',
    residual: 'Processes stay dumpable; no_new_privs reads as the program has set it.',
  },
  ioprio_set: {
    handle: ioprioSet,
    held: 'emulated',
    residual: 'Groups and users are refused, and hints are ignored, where programs use Landlock.',
  },
  seccomp: {
    handle: seccomp,
    held: 'registers',
    residual: 'Has an operation that no kernel has: enforcing a policy program (docs/programs.md).',
  },
} as const satisfies CallTable;
