/**
 * Makes the directories that a plan wants created before the start, and says which objects they are.
 *
 * A link that somebody planted on the way is not followed: a grant must not land on what another user chose.
 */

import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LandwardError } from '../errors.ts';

/** Directories are private: nobody else asked for them. */
const MODE = 0o700;

/**
 * Creates directories with their missing parents.
 *
 * @param paths absolute paths
 * @returns the identity (`dev:ino`) of each, whether it was made now or was there
 * @throws LandwardError PATH_CHANGED where something else is in the way, KERNEL where it cannot be made
 */
export function createDirectories(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.map(create));
}

function create(path: string): string {
  const missing: string[] = [];
  let above = path;
  while (lookup(above) === undefined && dirname(above) !== above) {
    missing.unshift(basename(above));
    above = dirname(above);
  }
  // What exists above is the person's own world and may hold links; what is made now is made below the real directory.
  let made = missing.length === 0 ? above : realpathSync(above);
  for (const name of missing) {
    made = join(made, name);
    try {
      mkdirSync(made, MODE);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST')
        throw new LandwardError(
          'KERNEL',
          `Cannot create ${JSON.stringify(path)}: mkdir failed with ${code}`,
          { part: path, cause: error },
        );
    }
  }
  const stat = lookup(made);
  if (stat === undefined || !stat.isDirectory()) throw inTheWay(path);
  const uid = BigInt(process.geteuid?.() ?? 0);
  if (stat.uid !== uid && stat.uid !== 0n)
    throw new LandwardError(
      'PATH_CHANGED',
      `Cannot use ${JSON.stringify(path)} as created: it belongs to user ${stat.uid}`,
      { part: path },
    );
  return `${stat.dev}:${stat.ino}`;
}

function lookup(path: string) {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') throw inTheWay(path);
    throw error;
  }
}

function inTheWay(path: string): LandwardError {
  return new LandwardError('PATH_CHANGED', `Cannot create ${JSON.stringify(path)}: something else is there`, {
    part: path,
  });
}
