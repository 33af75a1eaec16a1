/** The kernel's ruleset of a plan, put together from its parts. Owns the flags of the log, cut to what the kernel knows. */

import { RESTRICT_SELF } from '../uapi/landlock.ts';
import type { compileFs } from './compile-fs.ts';
import type { compileNet } from './compile-net.ts';
import type { QuietResult } from './compile-quiet.ts';
import type { PlanRuleset } from './plan.ts';
import type { Policy } from './policy.ts';

/**
 * The ruleset; `null` where nothing is handled.
 *
 * @param known the flags that the kernel takes
 */
export function rulesetOf(
  policy: Policy,
  fs: ReturnType<typeof compileFs>,
  net: ReturnType<typeof compileNet>,
  quiet: QuietResult,
  scoped: number,
  known: number,
): PlanRuleset | null {
  if (fs.handled === 0 && net.handled === 0 && scoped === 0) return null;
  const { log } = policy;
  const flags =
    (log.sameExec ? 0 : RESTRICT_SELF.LOG_SAME_EXEC_OFF) |
    (log.newExec ? RESTRICT_SELF.LOG_NEW_EXEC_ON : 0) |
    (log.subdomains ? 0 : RESTRICT_SELF.LOG_SUBDOMAINS_OFF);
  return {
    handledFs: fs.handled,
    handledNet: net.handled,
    scoped,
    ...(quiet.quietFs === 0 ? {} : { quietFs: quiet.quietFs }),
    ...(quiet.quietNet === 0 ? {} : { quietNet: quiet.quietNet }),
    paths: quiet.paths,
    ports: quiet.ports,
    restrictFlags: flags & known,
  };
}
