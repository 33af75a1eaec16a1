/** Where the module of a Worker is: beside the one that starts it, in a clone, in the library and in the bundle. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LandwardError } from '../errors.ts';

/**
 * The path of a Worker's module.
 *
 * @param directory of the module that starts it
 * @param names its file names: source, library, bundle
 * @throws LandwardError SUPERVISOR where it is missing
 */
export function workerModule(directory: string, names: readonly string[]): string {
  const places = names.map((name) => join(directory, name));
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new LandwardError('SUPERVISOR', `A file of the supervisor is missing: ${places.join(' or ')}`, {
    fix: 'Install the package again',
  });
}
