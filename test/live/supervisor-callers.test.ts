/** What is done for a program on other threads: as the program, and without stopping the deciding thread. */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPEN_FILTER } from '../../packages/landward/src/filter/spec.ts';
import { needs, root } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const asRoot = needs({ supervisor: true, root: true, tools: ['setpriv', 'mkdir'] });

test('what another thread opens for a program is opened as the program', asRoot, async (t) => {
  const directory = temporaryDirectory(t, 'callers');
  chmodSync(directory, 0o755);
  const file = (name: string, mode: number, gid = 0) => {
    const path = join(directory, name);
    writeFileSync(path, '');
    chmodSync(path, mode);
    chownSync(path, 0, gid);
    return path;
  };
  const names = [
    file('secret', 0o600),
    file('secret.self', 0o600),
    file('group', 0o640, 4242),
    file('other', 0o640, 4243),
    file('public', 0o644),
  ];
  const user = ['setpriv', '--reuid', '1000', '--regid', '1000', '--groups', '4242'];
  const run = (words: readonly string[]) =>
    supervised(
      {
        layers: [],
        groups: ['create', 'credential'],
        filter: OPEN_FILTER,
        worker: join(root, 'test/kit/opener-worker.ts'),
      },
      [...words, 'mkdir', ...names] as [string, ...string[]],
      { env: { PATH: process.env.PATH!, LC_ALL: 'C' } },
    );
  const said = (text: string) => [...text.matchAll(/: ([A-Z][a-z ]+)$/gm)].map(([, words]) => words);
  const [denied, exists] = ['Permission denied', 'File exists'];
  const other = await run(user);
  assert.deepEqual(other.defects, []);
  assert.deepEqual(said(other.stderr), [denied, exists, exists, denied, exists], other.stderr);
  assert.deepEqual(said((await run(['env'])).stderr), [exists, exists, exists, exists, exists]);
});

test(
  'a supervised program serves no file system to its own supervisor',
  needs({ supervisor: true, root: true }),
  async () => {
    const script = 'exec 3<>/dev/fuse && echo opened';
    const run = (groups: readonly ['open'] | readonly ['truncate']) =>
      supervised({ layers: [], groups, filter: OPEN_FILTER, floor: false }, ['bash', '-c', script]);
    const held = await run(['open']);
    assert.match(held.stderr, /No such device/);
    assert.equal(held.stdout, '');
    // The device is there: who is not asked about opening gets it.
    assert.equal((await run(['truncate'])).stdout, 'opened\n');
  },
);
