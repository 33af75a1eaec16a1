import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { landwardBin } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { makeWorld, policyText, type World } from './world.ts';

/** Whether the process is gone, or dead and not yet waited for. */
function isDead(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** Waits for a state, at most as long as an orphan may live: five seconds. */
async function within(condition: () => boolean, ms = 5000): Promise<boolean> {
  for (let i = 0; i < ms / 10; i++) {
    if (condition()) return true;
    await pause(10);
  }
  return condition();
}

/** Starts a program below `command`, kills what was started, and tells whether the program died with it. */
async function orphan(command: (world: World) => readonly string[], ms?: number): Promise<boolean> {
  const world = makeWorld();
  let parent: ChildProcess | undefined;
  let pid = 0;
  try {
    writeFileSync(
      join(world.top, 'policy.toml'),
      policyText(world, { sections: { limits: 'time = "10m"' } }),
    );
    const note = join(world.project, 'pid');
    const [program, ...args] = command(world);
    parent = spawn(program!, [...args, world.probe, 'stay', note], { cwd: world.project, stdio: 'ignore' });
    assert.ok(
      await within(() => existsSync(note) && readFileSync(note, 'utf8').endsWith('\n')),
      'the program did not start',
    );
    pid = Number(readFileSync(note, 'utf8'));
    assert.notEqual(pid, parent.pid, 'somebody must stay to hold the time limit');
    parent.kill('SIGKILL');
    return await within(() => isDead(pid), ms);
  } finally {
    parent?.kill('SIGKILL');
    if (pid > 0 && !isDead(pid)) process.kill(pid, 'SIGKILL');
    world.remove();
  }
}

test(
  '38 the process that holds the time limit is killed: the program dies with it',
  needs({ abi: 6 }),
  async () => {
    const died = await orphan(({ top }) => [
      process.execPath,
      landwardBin,
      'run',
      '-p',
      join(top, 'policy.toml'),
      '--',
    ]);
    assert.equal(died, true);
  },
);

test('38 a plain parent is killed: the program lives on', async () => {
  const died = await orphan(() => ['sh', '-c', '"$@" & wait', 'sh'], 500);
  assert.equal(died, false);
});
