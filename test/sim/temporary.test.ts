/** Where temporary files go when the home directory lies below the system's directory for them. */

import assert from 'node:assert/strict';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadPolicy } from '../../packages/landward/src/launch/load.ts';
import { temporaryDirectory } from '../../packages/landward/src/launch/temporary.ts';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import { temporaryDirectory as temporary } from '../kit/temporary.ts';

test('the system’s directory is used unless it holds home', () => {
  assert.equal(temporaryDirectory('/tmp', '/home/ada'), '/tmp');
  assert.equal(temporaryDirectory('/tmp', '/tmpfoo/ada'), '/tmp');
  assert.equal(temporaryDirectory('/tmp', '/'), '/tmp');
  assert.equal(temporaryDirectory('/tmp', '/tmp'), '/tmp/.cache/landward/tmp');
  assert.equal(temporaryDirectory('/tmp', '/tmp/job/home'), '/tmp/job/home/.cache/landward/tmp');
});

test('a home in the temporary directory stays closed, and the program is told where to write', async (t) => {
  const directory = realpathSync(temporary(t));
  const home = join(directory, 'home');
  const project = join(directory, 'project');
  for (const path of [home, project]) mkdirSync(path);
  const env = { HOME: home, TMPDIR: directory };
  const own = `${home}/.cache/landward/tmp`;
  const { policy } = await loadPolicy({ cwd: project, env });
  assert.equal(policy.env.set.TMPDIR, own);
  const write = (path: string) =>
    decideRules(policy.layers, { kind: 'path', path, rights: ['fs.write_file'] }).verdict;
  assert.equal(write(`${own}/x`), 'allow');
  assert.equal(write(`${home}/.ssh/config`), 'deny');
  assert.equal(write(`${home}/notes`), 'deny');
  assert.equal(write(`${directory}/x`), 'deny');
  const created = policy.layers[0]!.rules.find((rule) => rule.kind === 'path' && rule.pattern.path === own);
  assert.ok(created?.kind === 'path' && created.missing === 'create');
});
