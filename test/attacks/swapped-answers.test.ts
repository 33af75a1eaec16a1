/**
 * A directory that is exchanged while a function is asked about it: its answer counts for the directory that it was shown,
 * whatever the call is. The function itself makes the exchange, so that no timing is involved.
 */

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type DecideRequest, spawn } from '../../packages/landward/src/index.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const live = needs({ abi: 5, supervisor: true, tools: ['cc'] });

/** Calls on a path through the link, as arguments of a program. */
const CALLS: Readonly<Record<string, (via: string, deciding: string) => readonly string[]>> = {
  read: (via) => ['cat', `${via}/secret`],
  write: (via) => ['sh', '-c', `echo hacked >> ${via}/secret`],
  cut: (via) => ['sh', '-c', `: > ${via}/secret`],
  make: (via) => ['sh', '-c', `echo hacked > ${via}/new`],
  mkdir: (via) => ['mkdir', `${via}/new`],
  symlink: (via) => ['ln', '-s', 'x', `${via}/new`],
  fifo: (via) => ['mkfifo', `${via}/new`],
  remove: (via) => ['rm', '-f', `${via}/secret`],
  rmdir: (via) => ['rmdir', `${via}/empty`],
  move: (via) => ['mv', `${via}/secret`, `${via}/new`],
  link: (via) => ['ln', `${via}/secret`, `${via}/new`],
  chmod: (via) => ['chmod', '777', `${via}/secret`],
  touch: (via) => ['touch', '-c', '-d', '2001-01-01', `${via}/secret`],
  execute: (via) => [`${via}/run`],
  unnamed: (via, deciding) => [deciding, 'unnamed', via],
  bind: (via) => ['node', '-e', `require('net').createServer().listen('${via}/new').unref()`],
  connect: (via) => [
    'node',
    '-e',
    `require('net').connect('${via}/socket').on('data', (b) => process.stdout.write(b)).on('error', () => {})`,
  ],
};

for (const [name, words] of Object.entries(CALLS))
  test(`an answer about one directory is none about another: ${name}`, live, async (t) => {
    const dir = temporaryDirectory(t, 'swapped');
    const deciding = compiled(t, 'deciding', 'test/fixtures/deciding.c');
    for (const side of ['good', 'bad']) {
      const at = (file: string) => join(dir, side, file);
      mkdirSync(at('empty'), { recursive: true });
      writeFileSync(at('secret'), `${side} content\n`);
      writeFileSync(at('run'), `#!/bin/sh\necho ran ${side}\n`, { mode: 0o755 });
      const server = createServer((socket) => socket.end(`${side} server\n`));
      await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
      t.after(() => void server.close());
    }
    const via = join(dir, 'via');
    symlinkSync('good', via);
    const bad = join(dir, 'bad');
    const before = [
      readdirSync(bad).sort(),
      readFileSync(join(bad, 'secret'), 'utf8'),
      statSync(join(bad, 'secret')),
    ] as const;
    let [exchanged, asked] = [false, 0];
    const [command, ...args] = words(via, deciding) as [string, ...string[]];
    const result = await spawn(command, args, {
      reject: false,
      policy: {
        fs: { read: ['/'], exec: ['/'], write: [dir, '/dev/null'] },
        unix: { connect: [dir], listen: [dir] },
      },
      decide({ object }: DecideRequest) {
        const path = (object.kind === 'path' || object.kind === 'unix' ? object.path : '') ?? '';
        if (path.startsWith(`${bad}/`) || path === bad) {
          asked++;
          return 'deny';
        }
        if (path.startsWith(join(dir, 'good')) && !exchanged) {
          exchanged = true;
          symlinkSync('bad', join(dir, 'next'));
          renameSync(join(dir, 'next'), via);
        }
        return 'allow';
      },
    });
    const said = `${result.stdout} ${result.stderr}`;
    assert.ok(exchanged, said);
    assert.ok(asked > 0, `never asked about the other directory: ${said}`);
    assert.doesNotMatch(result.stdout ?? '', /bad|unnamed 1/);
    assert.deepEqual(readdirSync(bad).sort(), before[0]);
    assert.equal(readFileSync(join(bad, 'secret'), 'utf8'), before[1]);
    const after = statSync(join(bad, 'secret'));
    assert.deepEqual(
      [after.mode, after.mtimeMs, after.nlink],
      [before[2].mode, before[2].mtimeMs, before[2].nlink],
    );
    assert.ok(existsSync(join(bad, 'empty')));
  });
