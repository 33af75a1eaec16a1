/**
 * One restore at a time: from the look whether a process of the run is left until there is one again, nobody else of the same
 * registry restores anything.
 *
 * Owns the lock. It lies on the registry's key, which every restore has read, so nothing is left behind.
 */

import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { LandwardError } from '../errors.ts';
import { attempt } from '../kernel/call.ts';

/** flock(2): exclusive, and no waiting. */
const EXCLUSIVE_NOW = 2 | 4;

/**
 * Locks restores of a state directory until the result is disposed of.
 *
 * @throws LandwardError USAGE where somebody else restores at this moment
 */
export function lockRestores(state: string): Disposable {
  // Closed at exec, as all of Node's: a program never holds the lock.
  const fd = openSync(join(state, 'checkpoint.key'), constants.O_RDONLY | constants.O_NOFOLLOW);
  if (attempt('flock', fd, EXCLUSIVE_NOW) < 0) {
    closeSync(fd);
    throw new LandwardError('USAGE', 'Another run is being restored at this moment', {
      fix: 'Try again: two restores of one run could not be told apart',
    });
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
