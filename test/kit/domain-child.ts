/**
 * A program that restricts itself with Landlock as it is told, line by line, and tells about its processes: for tests that look
 * at its domains from outside.
 *
 *     restrict DIRECTORY   one more layer: writing only below the directory
 *     child                a child that sleeps, in the same domain; its number
 *     deeper DIRECTORY     a child that restricts itself once more, and sleeps
 *     write FILE           whether the file can be written
 *
 * Every line is answered by one.
 */

import { spawn } from 'node:child_process';
import { existsSync, openSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import { addPaths, createRuleset, restrictSelf } from '../../packages/landward/src/kernel/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { PR } from '../../packages/landward/src/uapi/prctl.ts';

function restrict(directory: string): string {
  const access = fsMask('fs.write_file', 'fs.make_reg', 'fs.truncate');
  attempt('prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  using ruleset = createRuleset({ fs: access });
  const places = [directory, '/dev/null'].filter((path) => existsSync(path));
  addPaths(
    ruleset,
    places.map((name) => ({
      fd: openSync(name, 'r'),
      access: name === directory ? access : fsMask('fs.write_file'),
      name,
    })),
  );
  restrictSelf(ruleset);
  return 'restricted';
}

function write(file: string): string {
  try {
    writeFileSync(file, 'x');
    return 'written';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function deeper(directory: string): Promise<string> {
  const child = spawn(process.execPath, [import.meta.filename], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin!.write(`restrict ${directory}\n`);
  return new Promise((done) => child.stdout!.once('data', () => done(String(child.pid))));
}

const answers: Record<string, (word: string) => string | Promise<string>> = {
  restrict,
  write,
  deeper,
  child: () => String(spawn('sleep', ['120'], { stdio: 'ignore' }).pid),
  pid: () => String(process.pid),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [word = '', rest = ''] = line.split(' ');
  process.stdout.write(`${await answers[word]!(rest)}\n`);
}
process.exit(0);
