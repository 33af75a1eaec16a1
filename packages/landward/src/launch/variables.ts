/**
 * The variables that policies can use, as this system says: directories after symbolic links, and the user's number.
 *
 * Only absolute values of the environment count; anything else has the default of its specification.
 */

import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import type { SystemVariables } from '../policy/vars.ts';
import { temporaryDirectory } from './temporary.ts';

/** An environment: names to values. */
export type Environment = Readonly<Record<string, string | undefined>>;

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

/** The home directory, after symbolic links. */
export function homeDirectory(env: Environment = process.env): string {
  return realDirectory(absolute(env.HOME) ?? homedir());
}

/** The directory of landward's own state, such as approvals. */
export function stateDirectory(env: Environment = process.env): string {
  return `${absolute(env.XDG_STATE_HOME) ?? `${homeDirectory(env)}/.local/state`}/landward`;
}

function absolute(value: string | undefined): string | undefined {
  return value?.startsWith('/') ? value : undefined;
}

/** The path after symbolic links; of a path that does not exist, its nearest existing ancestor's. */
function realDirectory(path: string): string {
  const names: string[] = [];
  for (let rest = trimmed(path); ; rest = rest.slice(0, rest.lastIndexOf('/')) || '/') {
    try {
      const real = realpathSync.native(rest);
      return names.length === 0 ? real : `${real === '/' ? '' : real}/${names.toReversed().join('/')}`;
    } catch {
      if (rest === '/') return path;
      names.push(rest.slice(rest.lastIndexOf('/') + 1));
    }
  }
}

function trimmed(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}
