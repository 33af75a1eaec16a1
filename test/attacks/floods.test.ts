/**
 * A flood of processes by an ordinary user: the only user whom a resource limit of processes holds, since the kernel
 * spares root. So landward itself runs as that user here, which the cases of `case.ts` do not do. At most 200 processes.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { landwardBin, runChild } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { makeWorld, policyText } from './world.ts';

const USER = 65534;
const LIMIT = 40;
const AS_USER = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];

const available = needs({ abi: 6, root: true, tools: ['setpriv'] });
const reachable = () =>
  spawnSync('setpriv', [...AS_USER, process.execPath, landwardBin, '--version']).status === 0;
const options =
  available.skip || reachable() ? available : { skip: 'needs a clone that the user nobody can read' };

/** How many processes the probe could start at once. */
async function startedBelow(limits: string): Promise<number> {
  const world = makeWorld();
  try {
    chownSync(world.project, USER, USER);
    const file = join(world.top, 'policy.toml');
    const sections = { limits, require: 'degrade = ["limits.cgroup"]' };
    writeFileSync(file, policyText(world, { sections }));
    const flood = [world.probe, 'fill-processes', '200'];
    const result = await runChild(
      'setpriv',
      [...AS_USER, process.execPath, landwardBin, 'run', '-p', file, '--', ...flood],
      { cwd: world.project, env: { PATH: process.env.PATH, HOME: world.outside } },
    );
    const started = /^DONE started (\d+)$/m.exec(result.stdout)?.[1];
    assert.ok(started !== undefined, JSON.stringify(result));
    return Number(started);
  } finally {
    world.remove();
  }
}

test('37 a flood of processes, as an ordinary user: held', options, async () => {
  assert.ok((await startedBelow(`procs = ${LIMIT}`)) <= LIMIT);
});

test('37 a flood of processes, as an ordinary user: succeeds without the limit', options, async () => {
  assert.equal(await startedBelow(''), 200);
});
