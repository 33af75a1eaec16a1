/**
 * Limits of a whole tree of processes: a real cgroup v2 with the controllers of memory and processes. Needs a machine whose
 * controllers belong to cgroup v2 (the machines of the kernel matrix are such); where they belong to v1, nobody can lend them.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile, spawn } from '../../packages/landward/src/index.ts';
import { hostCgroup } from '../../packages/landward/src/launch/host.ts';
import { runChild } from '../kit/child.ts';
import { needs, root, unmet } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const WANTED = ['memory', 'pids'];
const SYSTEM = { extends: ['@shell'], fs: { exec: ['/usr'], read: ['/usr', '/proc', '/dev'] } };

/** The cgroup that holds the processes of this test. */
function place(): string | undefined {
  const mount = /^\S+ \S+ \S+ \/ (\S+) .*? - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'));
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'));
  return mount === null || own === null ? undefined : join(mount[1]!, own[1]!);
}

function missing(): string | undefined {
  const basic = unmet({ abi: 1, root: true });
  if (basic !== undefined) return basic;
  const path = place();
  if (path === undefined) return 'needs a mounted cgroup v2';
  const there = readFileSync(join(path, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const absent = WANTED.filter((name) => !there.includes(name));
  return absent.length === 0 ? undefined : `needs ${absent.join(' and ')} in the cgroup v2 at ${path}`;
}

const reason = missing();
const NEEDS = reason === undefined ? needs({ abi: 1 }) : { skip: reason };

/** Lends the controllers to cgroups below this one for the time of the test. */
function lend(t: { after(fn: () => void): void }): string {
  const path = place()!;
  const control = join(path, 'cgroup.subtree_control');
  const before = readFileSync(control, 'utf8').trim().split(' ');
  const missing = WANTED.filter((name) => !before.includes(name));
  writeFileSync(control, missing.map((name) => `+${name}`).join(' '));
  t.after(() => writeFileSync(control, missing.map((name) => `-${name}`).join(' ')));
  return path;
}

/** The cgroups of runs that are left after those that were killed have had time to end. */
async function left(path: string): Promise<readonly string[]> {
  const runs = () => readdirSync(path).filter((name) => name.startsWith('landward-'));
  for (let round = 0; round < 100 && runs().length > 0; round++) await sleep(20);
  return runs();
}

test('limits of processes and memory hold for the whole tree, and the cgroup goes', NEEDS, async (t) => {
  const path = lend(t);
  assert.equal(hostCgroup()?.path, path);
  const procs = await compile({ ...SYSTEM, limits: { procs: 8 } });
  assert.deepEqual(procs.gaps, []);
  const many = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; wait';
  const storm = await spawn('sh', ['-c', many], { plan: procs, reject: false, timeout: 20_000 });
  assert.match(storm.stderr!, /fork|Resource temporarily unavailable/i);
  assert.deepEqual(await left(path), []);
  const memory = await compile({ ...SYSTEM, limits: { memory: '64M' } });
  const eater = await spawn('sh', ['-c', 'head -c 400M /dev/zero | tail -n 1 | wc -c'], {
    plan: memory,
    reject: false,
    timeout: 60_000,
  });
  assert.notEqual(eater.stdout, '419430400\n', 'it was not held');
  const free = await spawn('sh', ['-c', 'head -c 400M /dev/zero | tail -n 1 | wc -c'], {
    plan: await compile(SYSTEM),
    timeout: 60_000,
  });
  assert.equal(free.stdout, '419430400\n', 'the control');
  assert.deepEqual(await left(path), []);
});

test('a run on the command line has its cgroup, and ends all of it at the time limit', NEEDS, async (t) => {
  const path = lend(t);
  const work = temporaryDirectory(t);
  const policy = join(temporaryDirectory(t), 'limits.toml');
  writeFileSync(policy, 'extends = ["@default"]\n[limits]\nprocs = 20\ntime = "3s"\n');
  const { code, stderr } = await runChild(
    process.execPath,
    [
      join(root, 'test/kit/landward.ts'),
      'run',
      '--degrade',
      'self',
      '-p',
      policy,
      '--',
      'sh',
      '-c',
      '(setsid sleep 300 &); sleep 300',
    ],
    { cwd: work },
  );
  assert.equal(code, 137, stderr);
  assert.deepEqual(await left(path), []);
});
