/**
 * C programs of tests, compiled into a directory that goes away with the test, where every user can run them.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './needs.ts';
import { type Ending, temporaryDirectory } from './temporary.ts';

/**
 * Compiles C sources into one program.
 *
 * @param sources paths relative to the root of the clone
 * @returns the program's path
 * @throws {Error} with the compiler's words
 */
export function compiled(t: Ending, name: string, ...sources: readonly string[]): string {
  const folder = temporaryDirectory(t, name);
  chmodSync(folder, 0o755);
  const file = join(folder, name);
  const cc = spawnSync(
    'cc',
    [
      '-std=gnu17',
      '-O1',
      '-pthread',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-o',
      file,
      ...sources.map((source) => join(root, source)),
    ],
    { encoding: 'utf8' },
  );
  if (cc.status !== 0) throw new Error(`${name} does not compile\n${cc.stderr}`);
  return file;
}
