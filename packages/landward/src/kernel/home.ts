/**
 * Where a user's directories are: home, after symbolic links, and the place of landward's own state.
 *
 * Only absolute values of the environment count; anything else has the default of its specification. Makes nothing.
 */

import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';

/** An environment: names to values. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The home directory, after symbolic links. */
export function homeDirectory(env: Environment = process.env): string {
  return realDirectory(absolute(env.HOME) ?? homedir());
}

/** The directory of landward's own state (approvals, the registry, the store), whether or not it exists. */
export function stateDirectory(env: Environment = process.env): string {
  return `${absolute(env.XDG_STATE_HOME) ?? `${homeDirectory(env)}/.local/state`}/landward`;
}

/** A value that is an absolute path. */
export function absolute(value: string | undefined): string | undefined {
  return value?.startsWith('/') ? value : undefined;
}

/** The path after symbolic links; of a path that does not exist, its nearest existing ancestor's. */
export function realDirectory(path: string): string {
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
