/**
 * Where landward keeps what it learned: `$XDG_STATE_HOME/landward`, for its owner alone.
 *
 * Owns its permissions; the place is `kernel/home.ts`'s, and what lies in it the registry's and the store's. A place that somebody else
 * could write is refused: what is kept here says who was denied what.
 */

import { existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { LandwardError } from '../errors.ts';

export { stateDirectory } from '../kernel/home.ts';

/**
 * Makes a directory for this user alone, or checks the one that is there.
 *
 * @param path below or equal to the state directory
 * @returns its real path
 * @throws LandwardError STORE where it belongs to somebody else, others may write it, or it cannot be made
 */
export function ownDirectory(path: string): string {
  try {
    makeDirectory(path);
  } catch (cause) {
    throw new LandwardError('STORE', `The directory ${path} cannot be made: ${(cause as Error).message}`, {
      part: path,
      cause,
    });
  }
  const real = realpathSync(path);
  const found = lstatSync(real);
  const { uid, mode } = found;
  if (!found.isDirectory() || uid !== process.geteuid?.() || (mode & 0o022) !== 0)
    throw new LandwardError(
      'STORE',
      `The directory ${real} is none, belongs to somebody else or can be written by others`,
      {
        part: real,
        fix: `Make it yours alone (chmod 700), or set XDG_STATE_HOME to another place`,
      },
    );
  return real;
}

/** Makes a directory and those above it. Node's own way never ends where the kernel says ENOENT for ever, as in /proc. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
  }
}
