/** The plan of a policy that `spawn` was given, with what the start brings along: policy programs, a function that decides. */

import type { Plan } from '../policy/plan.ts';
import { compile, type PolicySource } from './compile.ts';
import type { SpawnOptions } from './spawn-options.ts';

/** Compiles. @throws as `compile` */
export async function planFor(policy: PolicySource, { cwd, decide, programs }: SpawnOptions): Promise<Plan> {
  return compile(policy, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(programs === undefined ? {} : { programs }),
    ...(decide === undefined ? {} : (await import('./deciding.ts')).askedOf(decide)),
  });
}
