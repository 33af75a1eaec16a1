/**
 * Which calls a supervisor is asked about for policy programs: by the hooks that their programs are written for.
 *
 * Owns the table. That a plan with programs is refused where nobody would be asked is `compile-asked.ts`.
 */

import type { NotifyGroup } from '../filter/notify.ts';
import type { Hook } from '../model/programs/index.ts';
import { PATHS } from './compile-supervisor.ts';
import type { ProgramFile } from './plan.ts';

/** Files of policy programs, and the hooks that they have programs for. */
export interface ProgramPart {
  readonly files: readonly ProgramFile[];
  readonly hooks: readonly Hook[];
}

/** Changes of the mount tree as well, since another object could come to lie behind each name. */
const FILES: readonly NotifyGroup[] = [...PATHS, 'mount'];

const BY_HOOK = {
  fs_walk: FILES,
  fs_pick: FILES,
  fs_get: FILES,
  net: ['connect', 'bind', 'send'],
  signal: ['signal'],
  ptrace: ['ptrace'],
} as const satisfies Record<Hook, readonly NotifyGroup[]>;

/** The groups of calls that programs at these hooks are asked about. */
export function programGroups(hooks: readonly Hook[]): readonly NotifyGroup[] {
  return [...new Set(hooks.flatMap((hook) => BY_HOOK[hook] as readonly NotifyGroup[]))];
}
