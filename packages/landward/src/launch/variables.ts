/**
 * The variables that policies can use, as this system says: directories after symbolic links, and the user's number.
 *
 * Only absolute values of the environment count; anything else has the default of its specification.
 */

import { absolute, type Environment, homeDirectory, realDirectory } from '../kernel/home.ts';
import type { SystemVariables } from '../policy/vars.ts';
import { temporaryDirectory } from './temporary.ts';

export { type Environment, homeDirectory, stateDirectory } from '../kernel/home.ts';

/**
 * The system's variables.
 *
 * @param project the directory that `$project` stands for
 * @param env the environment to read, by default this process's
 */
export function systemVariables(project: string, env: Environment = process.env): SystemVariables {
  const uid = process.getuid?.() ?? 0;
  const home = homeDirectory(env);
  return {
    project: realDirectory(project),
    home,
    tmp: temporaryDirectory(realDirectory(absolute(env.TMPDIR) ?? '/tmp'), home),
    cache: realDirectory(absolute(env.XDG_CACHE_HOME) ?? `${home}/.cache`),
    config: realDirectory(absolute(env.XDG_CONFIG_HOME) ?? `${home}/.config`),
    runtime: realDirectory(absolute(env.XDG_RUNTIME_DIR) ?? `/run/user/${uid}`),
    uid,
  };
}
