/**
 * Keeps the code that V8 makes of the start of the command line beside its source, so that a start need not compile it.
 *
 * V8 takes it only where version and flags are the same, and compiles otherwise. Made by running real command lines,
 * so that it holds what they use and nothing else. Owns no decision about when the code is taken: that is `bin/landward.js`.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const POLICY = `[fs]
read = ["/etc/hosts"]
exec = ["/usr", { path = ["/bin", "/lib", "/lib64"], optional = true }]
[net]
connect = ["tcp:443"]
[env]
pass = ["PATH"]
`;

/** Every word of the path that starts take: a policy by options, by file, and none. */
const COMMANDS: readonly (readonly string[])[] = [
  ['run', '--read', '/etc/hosts', '--exec', '/usr', '--connect', 'tcp:443', '--', 'true'],
  ['run', '-p', 'policy.toml', '--', 'true'],
  ['run', '--', 'true'],
];

/**
 * Records the code of a built package for the Node that runs this.
 *
 * @param folder the package, with `bin`, `dist` and the addon; landward need not work on this machine
 * @returns the file
 */
export function recordCode(folder: string): string {
  const file = join(folder, `dist/cli/start.cjs.${process.versions.v8}-${process.arch}`);
  rmSync(file, { force: true });
  const place = mkdtempSync(join(tmpdir(), 'landward-code-'));
  try {
    const home = join(place, 'home');
    const project = join(place, 'project');
    for (const directory of [home, project]) mkdirSync(directory);
    writeFileSync(join(project, 'policy.toml'), POLICY);
    for (const command of COMMANDS) {
      const recorder = join(import.meta.dirname, 'code-cache-recorder.cjs');
      const child = spawnSync(
        process.execPath,
        ['--require', recorder, join(folder, 'bin/landward.js'), ...command],
        {
          cwd: project,
          env: { PATH: process.env.PATH, HOME: home, LANDWARD_CODE: file },
          encoding: 'utf8',
        },
      );
      if (!existsSync(file)) throw new Error(`no code was recorded\n${child.stderr}`);
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  return file;
}
