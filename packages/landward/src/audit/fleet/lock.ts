/**
 * One process at a time works on a spool. The lock is one of the kernel's, held through SQLite, so that it is gone with
 * the process however that ends.
 */

import { join } from 'node:path';
import { LandwardError } from '../../errors.ts';
import { ownDirectory } from '../state-directory.ts';
import { isBusy, openDatabase } from '../store/sqlite.ts';

/**
 * Takes the lock of a folder.
 *
 * @throws LandwardError STORE where another process has it
 */
export async function lockFolder(folder: string): Promise<Disposable> {
  const database = await openDatabase(join(ownDirectory(folder), 'lock'));
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new LandwardError('STORE', `Another landward fleet works on ${folder}`, {
      part: folder,
      fix: 'End it, or give this one another [spool] directory',
    });
  }
  return { [Symbol.dispose]: () => database.close() };
}
