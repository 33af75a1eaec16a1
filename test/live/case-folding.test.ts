/** A policy on a real file system whose names have no case. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { foldsCase } from '../../packages/landward/src/kernel/case-folding.ts';
import { compile } from '../../packages/landward/src/launch/compile.ts';
import { planHost } from '../../packages/landward/src/launch/host.ts';
import { runChild } from '../kit/child.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const wanted = needs({ supervisor: true, root: true, tools: ['cc', 'umount', 'cat'] });
const options = wanted.skip === undefined && !existsSync('/dev/fuse') ? { skip: 'needs /dev/fuse' } : wanted;

/** Its end comes before that of the directory, which was asked for later. */
async function caseless(t: Ending): Promise<string> {
  let mounted: string | undefined;
  t.after(async () => {
    if (mounted !== undefined) await runChild('umount', ['-l', mounted]);
  });
  const program = compiled(t, 'caseless', 'test/kit/caseless.c');
  const directory = temporaryDirectory(t, 'caseless');
  const server = spawn(program, [directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  assert.equal(line.toString(), 'ready\n');
  mounted = directory;
  server.stdout.destroy();
  server.unref();
  return directory;
}

const policyOf = (directory: string, degrade = '') => `
[fs]
read = ["/usr", "/etc", "/lib", "/lib64", "${directory}/project"]
exec = ["/usr", "/lib", "/lib64"]
deny = ["${directory}/project/secret"]
${degrade}`;

test('a file that could be reached by another spelling is a gap, and truly could be', options, async (t) => {
  const directory = await caseless(t);
  const text = policyOf(directory);
  const host = { ...planHost(), supervisor: true };
  const plan = await compile({ name: 'caseless', text, format: 'toml' }, { host, keepGaps: true });
  assert.deepEqual(
    plan.gaps.map(({ feature, open, accepted }) => ({ feature, open, accepted })),
    [{ feature: 'fs.deny', open: true, accepted: false }],
  );
  const accepted = policyOf(directory, '[require]\ndegrade = ["fs.deny"]');
  const read = (name: string) =>
    supervised({ policy: accepted, groups: ['open'] }, ['cat', `${directory}/project/${name}`]);
  assert.match((await read('secret')).stderr, /Permission denied/);
  assert.equal((await read('plain')).stdout, 'content\n');
  assert.equal((await read('SECRET')).stdout, 'content\n', 'what the gap says');
});

test('directories of this system tell names apart, and what cannot be asked counts as such', () => {
  assert.deepEqual(foldsCase(['/', '/usr', '/proc', '/nowhere', '/etc/passwd']), [
    false,
    false,
    false,
    false,
    false,
  ]);
});
