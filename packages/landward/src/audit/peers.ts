/**
 * Libraries that a user installs beside landward for the commands that need them. Owns the one sentence that says which
 * is missing and what to do; importing is the caller's, with a name that a bundler can see.
 */

import { LandwardError } from '../errors.ts';

/**
 * Loads an optional library.
 *
 * @param names the packages to install
 * @param purpose what they are needed for, such as "Parquet files"
 * @param load imports them
 * @throws LandwardError PEER_MISSING where one is not installed
 */
export async function loadPeer<T>(
  names: readonly string[],
  purpose: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    throw new LandwardError('PEER_MISSING', `${purpose} need ${names.join(', ')}, which is not installed`, {
      part: names.join(' '),
      fix: `npm install ${names.join(' ')} (beside landward: with -g where landward is installed so)`,
      cause,
    });
  }
}
