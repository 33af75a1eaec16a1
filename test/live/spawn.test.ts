/**
 * `spawn`: streams, results and errors of one shape, abort, timeout with everything that the program started, many starts
 * from one prepared plan without a descriptor lost, and the same in a worker.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  compile,
  LandwardError,
  type Plan,
  prepare,
  type RunError,
  spawn,
} from '../../packages/landward/src/index.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1 });
const SYSTEM = { extends: ['@shell'], fs: { exec: ['/usr'], read: ['/usr', '/proc'] } };
let plan: Plan;

before(async () => {
  if (NEEDS.skip === undefined) plan = await compile(SYSTEM);
});

const failure = (promise: PromiseLike<unknown>): Promise<RunError> =>
  Promise.resolve(promise).then(
    () => assert.fail('it did not reject'),
    (error) => error,
  );

test('a result tells what ran, how it ended and what was enforced', NEEDS, async () => {
  const result = await spawn('sh', ['-c', 'cat; echo err >&2'], { plan, input: 'in\n' });
  assert.deepEqual(
    [result.command, result.args, result.exitCode, result.signal, result.failed, result.started],
    ['sh', ['-c', 'cat; echo err >&2'], 0, null, false, true],
  );
  assert.deepEqual([result.stdout, result.stderr], ['in\n', 'err\n']);
  assert.equal(result.denials, 'unknown');
  assert.equal(result.report?.abi, plan.abi);
  assert.match(result.file!, /\/sh$/);
  assert.ok(result.pid! > 1);
  assert.ok(Object.values(result.timings).every((ms) => ms >= 0));
});

test('the error of a failed run has every field of the result', NEEDS, async () => {
  const options = { plan, reject: false } as const;
  const cases = [
    ['exit 3', { exitCode: 3, signal: null }],
    ['kill -KILL $$', { exitCode: null, signal: 'SIGKILL' }],
  ] as const;
  for (const [line, end] of cases) {
    const result = await spawn('sh', ['-c', line], options);
    const error = await failure(spawn('sh', ['-c', line], { plan }));
    assert.deepEqual({ exitCode: result.exitCode, signal: result.signal }, end);
    assert.ok(error instanceof LandwardError);
    assert.equal(error.code, 'COMMAND_FAILED');
    for (const key of Object.keys(result) as (keyof typeof result)[]) assert.ok(key in error, key);
    assert.deepEqual(
      { exitCode: error.exitCode, signal: error.signal, started: error.started },
      { ...end, started: true },
    );
  }
});

test('what cannot start rejects with its cause and leaves nothing behind', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'tool'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
  const descriptors = readdirSync('/proc/self/fd').length;
  const absent = await failure(spawn('no-such-command', [], { plan }));
  assert.deepEqual(
    [absent.code, absent.started, absent.pid, absent.exitCode],
    ['COMMAND_NOT_FOUND', false, null, null],
  );
  const refused = await failure(spawn(join(work, 'tool'), [], { plan }));
  assert.equal(refused.code, 'COMMAND_NOT_EXECUTABLE');
  assert.deepEqual([refused.startFailure?.syscall, refused.startFailure?.errname], ['execve', 'EACCES']);
  const nowhere = await failure(spawn('true', [], { plan, cwd: join(work, 'none') }));
  assert.equal(nowhere.startFailure?.errname, 'ENOENT');
  assert.match(nowhere.message, /change to the directory/);
  const quiet = await spawn('no-such-command', [], { plan, reject: false });
  assert.deepEqual([quiet.failed, quiet.started], [true, false]);
  assert.equal(quiet.refusal?.code, 'COMMAND_NOT_FOUND');
  assert.match(quiet.refusal.message, /no-such-command/);
  await sleep(20);
  assert.equal(readdirSync('/proc/self/fd').length, descriptors);
});

test('a policy with gaps rejects before anything runs', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  const fs = { write: [work], deny: [{ path: join(work, 'inner'), enforce: 'kernel' as const }] };
  writeFileSync(join(work, 'inner'), '');
  const error = await failure(
    spawn('touch', [join(work, 'made')], { policy: { ...SYSTEM, fs: { ...SYSTEM.fs, ...fs } } }),
  );
  assert.equal(error.code, 'POLICY_GAP');
  assert.equal(error.started, false);
  assert.ok(!existsSync(join(work, 'made')));
});

test('streams are there at once, with a policy too', NEEDS, async () => {
  const running = spawn('cat', [], { policy: SYSTEM });
  let seen = '';
  running.stdout!.on('data', (chunk) => {
    seen += chunk;
  });
  running.stdin!.write('early ');
  const pid = await running.started;
  assert.equal(running.pid, pid);
  running.stdin!.end('late');
  const result = await running;
  assert.equal(seen, 'early late');
  assert.equal(result.stdout, seen);
  assert.ok(result.timings.compileMs > 0);
});

test('output beyond the limit is read and dropped, and that is said', NEEDS, async () => {
  const result = await spawn('head', ['-c', '200000', '/dev/zero'], { plan, maxOutputBytes: 1000 });
  assert.deepEqual([result.stdout?.length, result.outputTruncated, result.exitCode], [1000, true, 0]);
});

test('a timeout ends the program and its children, in its group or out of it', NEEDS, async () => {
  // Three kinds of child: one in the group, one in a session of its own, one that ignores the first signal.
  const script =
    'sleep 300 & echo $!; setsid sleep 300 & echo $!; (trap "" TERM; echo $BASHPID; while :; do sleep 300; done) & wait';
  const result = await spawn('bash', ['-c', script], { plan, timeout: 400, graceMs: 100, reject: false });
  assert.deepEqual([result.timedOut, result.aborted, result.failed], [true, false, true]);
  const pids = result.stdout!.trim().split('\n').map(Number);
  assert.equal(pids.length, 3);
  await gone(pids);
});

test('an abort signal ends the program; one that has fired starts nothing', NEEDS, async () => {
  const abort = new AbortController();
  const running = spawn('sleep', ['300'], { plan, signal: abort.signal });
  await running.started;
  abort.abort();
  const error = await failure(running);
  assert.deepEqual(
    [error.aborted, error.timedOut, error.signal, error.started],
    [true, false, 'SIGTERM', true],
  );
  const never = await failure(spawn('sleep', ['300'], { plan, signal: abort.signal }));
  assert.deepEqual([never.aborted, never.started, never.pid], [true, false, null]);
});

test('kill sends a signal to the program and says whether it was there', NEEDS, async () => {
  const running = spawn('sleep', ['300'], { plan, reject: false });
  assert.equal(running.kill('SIGUSR1'), true);
  const result = await running;
  assert.deepEqual([result.signal, result.killed], ['SIGUSR1', true]);
  assert.equal(running.kill(), false);
});

test('the time limit of a policy leaves nothing that the program started', NEEDS, async () => {
  const limited = await compile({ ...SYSTEM, limits: { time: '300ms' } });
  const over = await spawn('bash', ['-c', 'sleep 300 & echo $!; wait'], { plan: limited, reject: false });
  assert.deepEqual([over.timedOut, over.signal], [true, 'SIGKILL']);
  await gone([Number(over.stdout)]);
  const early = await spawn('bash', ['-c', 'sleep 300 >/dev/null 2>&1 & echo $!'], { plan: limited });
  assert.deepEqual([early.timedOut, early.exitCode], [false, 0]);
  await gone([Number(early.stdout)]);
});

test('limits of the policy bind the program', NEEDS, async () => {
  const limited = await compile({ ...SYSTEM, limits: { files: 32, core: 0 } });
  const { stdout } = await spawn('sh', ['-c', 'ulimit -n; ulimit -Hn; ulimit -c'], { plan: limited });
  assert.equal(stdout, '32\n32\n0\n');
});

test('standard descriptors can be crossed, ignored and given by number', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  const { openSync, closeSync } = await import('node:fs');
  const fd = openSync(join(work, 'out'), 'w');
  try {
    const result = await spawn('sh', ['-c', 'echo to-out; echo to-err >&2; cat'], {
      plan,
      stdio: ['ignore', fd, fd],
    });
    assert.deepEqual([result.stdout, result.stderr], [null, null]);
  } finally {
    closeSync(fd);
  }
  assert.equal(readFileSync(join(work, 'out'), 'utf8'), 'to-out\nto-err\n');
});

test('an unknown word for a standard descriptor is refused, not taken as a pipe', NEEDS, async () => {
  for (const stdio of ['inheirt', null, ['pipe', 'ingore', 'pipe'], ['pipe'], -1, 1.5, {}]) {
    await assert.rejects(
      async () => spawn('true', [], { plan, stdio: stdio as unknown as 'pipe' }),
      (error: unknown) => error instanceof LandwardError && error.code === 'USAGE',
      JSON.stringify(stdio),
    );
  }
});

test('a program may open its own standard output again', NEEDS, async () => {
  const { stdout } = await spawn('sh', ['-c', 'echo again > /dev/stdout'], {
    plan: await compile({ ...SYSTEM, fs: { ...SYSTEM.fs, read: ['/usr', '/proc', '/dev'] } }),
  });
  assert.equal(stdout, 'again\n');
});

test('hundreds of starts from one prepared plan leave no descriptor and no child', NEEDS, async () => {
  using prepared = prepare(plan);
  await spawn('true', [], { plan: prepared });
  const descriptors = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 30; round++)
    await Promise.all(Array.from({ length: 10 }, () => spawn('true', [], { plan: prepared })));
  await sleep(20);
  assert.equal(readdirSync('/proc/self/fd').length, descriptors);
  assert.equal(readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim(), '');
});

test('a prepared plan that is closed starts nothing', NEEDS, async () => {
  const prepared = prepare(plan);
  prepared.close();
  prepared.close();
  assert.equal((await failure(spawn('true', [], { plan: prepared }))).code, 'USAGE');
});

test(
  'the domain holds: what is not granted is refused, with a control that it is readable',
  NEEDS,
  async (t) => {
    const work = temporaryDirectory(t);
    writeFileSync(join(work, 'secret'), 'secret\n');
    const open = await compile({ ...SYSTEM, fs: { ...SYSTEM.fs, read: [...SYSTEM.fs.read, work] } });
    assert.equal((await spawn('cat', [join(work, 'secret')], { plan: open })).stdout, 'secret\n');
    const error = await failure(spawn('cat', [join(work, 'secret')], { plan }));
    assert.equal(error.stdout, '');
    assert.match(error.stderr!, /Permission denied/);
  },
);

test('a worker starts programs as the main thread does', NEEDS, async () => {
  const code = `
    import { parentPort } from 'node:worker_threads';
    import { compile, spawn } from ${JSON.stringify(pathToFileURL(join(root, 'packages/landward/src/index.ts')).href)};
    const { stdout } = await spawn('echo', ['from', 'worker'], { policy: ${JSON.stringify(SYSTEM)} });
    parentPort.postMessage(stdout);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const said = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.equal(said, 'from worker\n');
  await worker.terminate();
});

/** Waits until none of the processes exists or all are zombies of others; fails after ten seconds. */
async function gone(pids: readonly number[]): Promise<void> {
  const alive = (pid: number) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return !'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2)[0]!);
    } catch {
      return false;
    }
  };
  for (let round = 0; round < 500; round++) {
    if (!pids.some(alive)) return;
    await sleep(20);
  }
  assert.fail(`still there: ${pids.filter(alive).join(', ')}`);
}

test('a plan with a gap that nobody accepted starts nothing, whoever compiled it', NEEDS, async () => {
  const policy = {
    ...SYSTEM,
    fs: { ...SYSTEM.fs, deny: [{ path: '/usr/share', enforce: 'kernel' as const }] },
  };
  const open = await compile(policy, { keepGaps: true });
  assert.equal((await failure(spawn('true', [], { plan: open }))).code, 'POLICY_GAP');
  assert.throws(() => prepare(open), /nothing was started/);
});

test('one confinement, not two and not none: neither is dropped silently', NEEDS, async () => {
  for (const given of [{}, { plan, policy: SYSTEM }]) {
    const error = await failure(spawn('true', [], given as unknown as { plan: Plan }));
    assert.equal(error.code, 'USAGE');
    assert.equal(error.started, false);
  }
});
