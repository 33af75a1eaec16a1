/** Programs of `test/fixtures`, compiled when a test first needs them. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './needs.ts';

/** Compiles a program; it is gone when this process ends. */
export function fixtureProgram(name: string, flags: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'landward-fixture-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, name);
  const built = spawnSync(
    'cc',
    ['-O1', '-Wall', '-Werror', '-pthread', ...flags, '-o', program, join(root, `test/fixtures/${name}.c`)],
    {
      encoding: 'utf8',
    },
  );
  if (built.status !== 0) throw new Error(`${name}.c does not compile: ${built.stderr}`);
  return program;
}
