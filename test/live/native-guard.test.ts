/** The guard: whoever bears a mark dies with the supervisor, whatever it does to escape; nobody else does. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import { RLIMIT } from '../../packages/landward/src/uapi/resource.ts';
import { runScript } from '../kit/child.ts';
import { root } from '../kit/needs.ts';

/** A mark of this test alone. */
function freshMark(): bigint {
  return (crypto.getRandomValues(new BigUint64Array(1))[0]! >> 16n) * 4096n + 4096n;
}

function markOf(pid: number): bigint | undefined {
  const limit = new BigUint64Array(2);
  return attempt('prlimit64', pid, RLIMIT.LOCKS, null, limit) === 0 ? limit[1] : undefined;
}

/** Processes with the mark that still run anything. */
function marked(mark: bigint): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && markOf(pid) === mark && !isOver(pid));
}

function isOver(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

async function until(what: string, holds: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    assert(Date.now() < end, `waited too long: ${what}`);
    await new Promise((go) => setTimeout(go, 5));
  }
}

/**
 * A supervisor that starts a guard and a shell with the mark, says its process ids, and waits. `then` is what it does at a
 * line of input.
 */
function supervisor(t: TestContext, mark: bigint, shell: string, then = '') {
  const script = `
    import { Guard } from './packages/landward/src/kernel/guard.ts';
    import { ARCH, spawnImage } from './packages/landward/src/kernel/call.ts';
    import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
    const guard = Guard.start(() => { console.log('guard died'); });
    guard.add(${mark}n);
    const build = new ImageBuilder(ARCH);
    const limit = build.bytes(new Uint8Array(new BigUint64Array([${mark}n, ${mark}n]).buffer));
    build.step('prlimit64', [0, 10, limit, null], 'mark');
    build.step('close_range', [0, 2, 0], 'hold no descriptor');
    const words = build.strings(['sh', '-c', ${JSON.stringify(shell)}]);
    build.step('execve', [build.string('/bin/sh'), words, build.strings(['PATH=/usr/bin:/bin'])], 'start');
    const { pid } = spawnImage(build.build());
    console.log(JSON.stringify({ guard: guard.pid, pid }));
    process.stdin.on('data', () => { ${then} });
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await until('all marked processes are gone', () => {
      const left = marked(mark);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      return left.length === 0;
    });
  });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  const ids = async () => {
    await until('the supervisor has started', () => lines.length > 0);
    return JSON.parse(lines[0]!) as { guard: number; pid: number };
  };
  return { child, lines, ids };
}

/** Two hundred processes: in sessions of their own, without their parents, stopped. */
const TREE = `
  i=0
  while [ $i -lt 50 ]; do
    sleep 1000 &
    setsid sleep 1000 &
    (setsid sh -c 'sleep 1000 & exit' &)
    sh -c 'kill -STOP $$; sleep 1000' &
    i=$((i+1))
  done
  wait`;

/** Starts two of itself and ends, for ever. */
const STORM = `
  storm() { n=$1; while :; do (sleep 0.01; :) & (setsid sh -c ':' &) ; done; }
  storm 1 & storm 2 & storm 3 & wait`;

test('SIGKILL of the supervisor ends a tree of two hundred processes that hide', async (t) => {
  const mark = freshMark();
  const { child, ids } = supervisor(t, mark, TREE);
  const { guard } = await ids();
  await until('the tree has grown', () => marked(mark).length >= 200);
  child.kill('SIGKILL');
  await until('nobody is left', () => marked(mark).length === 0);
  await until('the guard has ended', () => !existsSync(`/proc/${guard}`) || isOver(guard));
});

test('SIGKILL of the supervisor ends those that start others all the time', async (t) => {
  const mark = freshMark();
  const { child, ids } = supervisor(t, mark, STORM);
  const { guard } = await ids();
  await until('the storm blows', () => marked(mark).length >= 8);
  child.kill('SIGKILL');
  await until('the guard has ended', () => !existsSync(`/proc/${guard}`) || isOver(guard));
  assert.deepEqual(marked(mark), []);
});

test('without a guard the same tree survives: the test can fail', async (t) => {
  const mark = freshMark();
  const { child, ids } = supervisor(t, mark, 'exec sleep 1000');
  const { guard, pid } = await ids();
  process.kill(guard, 'SIGKILL');
  await until('the guard is gone', () => isOver(guard));
  child.kill('SIGKILL');
  await until('the supervisor is gone', () => isOver(child.pid!));
  await new Promise((go) => setTimeout(go, 100));
  assert.deepEqual(marked(mark), [pid]);
});

test('the death of the guard is told', async (t) => {
  const mark = freshMark();
  const { ids, lines } = supervisor(t, mark, 'exec sleep 1000');
  const { guard } = await ids();
  process.kill(guard, 'SIGKILL');
  await until('it is told', () => lines.includes('guard died'));
});

test('a mark that was dropped and other marks are left alone', async (t) => {
  const mark = freshMark();
  const other = freshMark();
  const first = supervisor(t, mark, 'exec sleep 1000', `guard.drop(${mark}n); console.log('dropped');`);
  const second = supervisor(t, other, 'exec sleep 1000');
  await first.ids();
  await second.ids();
  first.child.stdin.write('\n');
  await until('it is dropped', () => first.lines.includes('dropped'));
  first.child.kill('SIGKILL');
  await until('the guard has ended', () => first.child.exitCode !== null || first.child.signalCode !== null);
  await new Promise((go) => setTimeout(go, 100));
  assert.equal(marked(mark).length, 1);
  assert.equal(marked(other).length, 1);
});

test('one mark can be ended while the supervisor lives, and QUIT ends the guard alone', async (t) => {
  const mark = freshMark();
  const { child, lines, ids } = supervisor(
    t,
    mark,
    TREE,
    `if (!globalThis.told) { globalThis.told = true; guard.kill(${mark}n); } else { guard.close(); console.log('closed'); }`,
  );
  const { guard } = await ids();
  await until('the tree has grown', () => marked(mark).length >= 200);
  child.stdin.write('\n');
  await until('nobody is left', () => marked(mark).length === 0);
  assert.equal(isOver(guard), false);
  child.stdin.write('\n');
  await until('the guard has ended', () => isOver(guard));
  await until('the supervisor has said so', () => lines.includes('closed'));
  assert(!lines.includes('guard died'));
  assert.equal(isOver(child.pid!), false);
});

test('the guard holds two descriptors, a session of its own, and no signal reaches it', async (t) => {
  const mark = freshMark();
  const { ids } = supervisor(t, mark, 'exec sleep 1000');
  const { guard, pid } = await ids();
  await until('it has settled', () => readdirSync(`/proc/${guard}/fd`).length === 2);
  const links = readdirSync(`/proc/${guard}/fd`).map((fd) => readlinkSync(`/proc/${guard}/fd/${fd}`));
  assert.match(links.sort().join(), /^anon_inode:\[pidfd\],pipe:\[\d+\]$/);
  assert.equal(readlinkSync(`/proc/${guard}/cwd`), '/');
  const session = readFileSync(`/proc/${guard}/stat`, 'latin1').split(') ')[1]!.split(' ')[3];
  assert.equal(Number(session), guard);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.kill(guard, signal);
  await new Promise((go) => setTimeout(go, 20));
  assert.equal(isOver(guard), false);
  assert.deepEqual(marked(mark), [pid]);
});

test('a process that exits in order leaves no guard and ends nobody that it has let go', async () => {
  const child = await runScript(`
    import { Guard } from './packages/landward/src/kernel/guard.ts';
    const guard = Guard.start(() => {});
    console.log(guard.pid);`);
  assert.equal(child.code, 0, child.stderr);
  await until('the guard has ended', () => isOver(Number(child.stdout)));
});
