/**
 * Staying beside a command: what a time limit ends, what is left when landward is killed, exit status and standard input.
 * The programs are real and hide from a search as daemons do: sessions of their own, double forks, stopped processes.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelError } from '../../packages/landward/src/errors.ts';
import { compile } from '../../packages/landward/src/index.ts';
import { ARCH, attempt, spawnImage } from '../../packages/landward/src/kernel/call.ts';
import { waitPidfd } from '../../packages/landward/src/kernel/process.ts';
import { startImage } from '../../packages/landward/src/launch/steps.ts';
import { isZombie } from '../../packages/landward/src/launch/tree.ts';
import { type ChildOptions, runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1, tools: ['perl', 'setsid'] });

/** `landward run` with a time limit, in a directory that programs may write. */
function staying(t: Ending, time: string) {
  const work = temporaryDirectory(t);
  const policy = join(temporaryDirectory(t), 'limited.toml');
  writeFileSync(policy, `extends = ["@default"]\n[limits]\ntime = "${time}"\n`);
  const run = (line: string, options: ChildOptions = {}) =>
    runChild(
      process.execPath,
      [join(root, 'test/kit/landward.ts'), 'run', '--degrade', 'self', '-p', policy, '--', 'sh', '-c', line],
      { cwd: work, ...options },
    );
  return { work, run };
}

const alive = (pid: number) => existsSync(`/proc/${pid}`) && !isZombie(pid);

async function until(what: () => boolean, told: () => string): Promise<void> {
  for (let round = 0; round < 1500; round++) {
    if (what()) return;
    await sleep(10);
  }
  assert.fail(told());
}

/** The numbers that programs have written to a file, one a line. */
const noted = (file: string) =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];

/** Programs that write their number to `pids` and go on for ever, each hidden in another way. */
const HIDDEN: Readonly<Record<string, string>> = {
  'a child': 'sleep 300 & echo $! >> pids',
  'a session of its own': "setsid sh -c 'echo $$ >> pids; exec sleep 300' &",
  'a double fork in a session of its own': "(setsid sh -c 'echo $$ >> pids; exec sleep 300' &)",
  'a stopped one': "(setsid sh -c 'echo $$ >> pids; kill -STOP $$; exec sleep 300' &)",
  'one that ignores signals':
    '(setsid perl -e \'$SIG{$_} = "IGNORE" for qw(TERM INT HUP QUIT); open F, ">>", "pids"; print F "$$\\n"; close F; sleep 300\' &)',
  'children below a stopped one':
    "(setsid sh -c 'sleep 300 & echo $! >> pids; echo $$ >> pids; kill -STOP $$; wait' &)",
};

test('a time limit ends all that the program has started, however it hides', NEEDS, async (t) => {
  const { work, run } = staying(t, '4s');
  const { code, stderr } = await run(`${Object.values(HIDDEN).join('\n')}\nwait; exec sleep 300`);
  assert.equal(code, 137, stderr);
  assert.match(stderr, /ended sh: the time limit of the policy is over\n$/);
  const pids = noted(join(work, 'pids'));
  assert.equal(pids.length, Object.keys(HIDDEN).length + 1, `they did not all start: ${pids}`);
  assert.deepEqual(pids.filter(alive), []);
});

test('what the program leaves behind ends with it where there is a time limit', NEEDS, async (t) => {
  const { work, run } = staying(t, '10m');
  const count = Object.keys(HIDDEN).length + 1;
  const wait = `until [ "$(wc -l < pids)" -eq ${count} ]; do sleep 0.02; done; exit 3`;
  const { code, stderr } = await run(`${Object.values(HIDDEN).join('\n')}\n${wait}`);
  assert.deepEqual([code, stderr], [3, '']);
  const pids = noted(join(work, 'pids'));
  assert.equal(pids.length, count);
  assert.deepEqual(pids.filter(alive), []);
});

test('one that hops from process to process, each in a session of its own, is caught', NEEDS, async (t) => {
  const { work, run } = staying(t, '10m');
  const hop =
    'use POSIX; while (1) { fork and POSIX::_exit(0); setsid; open F, ">", "last"; print F "$$\\n"; close F }';
  const { code, stderr } = await run(`perl -e '${hop}' & until [ -s last ]; do sleep 0.02; done; exit 0`);
  assert.deepEqual([code, stderr], [0, '']);
  const last = readFileSync(join(work, 'last'), 'utf8');
  await sleep(200);
  assert.equal(readFileSync(join(work, 'last'), 'utf8'), last, 'nobody writes any more');
});

test(
  'when landward is killed the program dies, and what it has started stays in the domain',
  NEEDS,
  async (t) => {
    const work = temporaryDirectory(t);
    const secret = join(temporaryDirectory(t), '.ssh');
    writeFileSync(secret, 'secret\n');
    const survivor = `echo $$ >> pids; until [ -e go ]; do sleep 0.02; done; (cat ${secret} || echo denied) > out 2>/dev/null; echo end > end`;
    const policy = join(temporaryDirectory(t), 'narrow.toml');
    writeFileSync(
      policy,
      'extends = ["@shell"]\n[fs]\nexec = ["/usr"]\nread = ["/usr"]\nwrite = ["$project"]\n[limits]\ntime = "10m"\n',
    );
    const line = `echo $$ >> main; setsid sh -c '${survivor}' & wait`;
    let landward = 0;
    const ended = runChild(
      process.execPath,
      [join(root, 'test/kit/landward.ts'), 'run', '-p', policy, '--', 'sh', '-c', line],
      {
        cwd: work,
        started: (child) => {
          landward = child.pid!;
        },
      },
    );
    await until(
      () => noted(join(work, 'pids')).length === 1,
      () => 'it did not start',
    );
    const [main] = noted(join(work, 'main'));
    assert.notEqual(main, landward, 'landward stays');
    process.kill(landward, 'SIGKILL');
    await until(
      () => !alive(main!),
      () => 'the program lives on',
    );
    const [left] = noted(join(work, 'pids'));
    assert.ok(alive(left!), 'what the program had started is nobody’s to end now');
    writeFileSync(join(work, 'go'), '');
    await until(
      () => existsSync(join(work, 'end')),
      () => 'the survivor did not end',
    );
    assert.equal(readFileSync(join(work, 'out'), 'utf8'), 'denied\n');
    assert.equal((await ended).signal, 'SIGKILL');
  },
);

test('exit status, 128 + n and standard input are the program’s', NEEDS, async (t) => {
  const { run } = staying(t, '10m');
  const cases: readonly (readonly [string, number])[] = [
    ['exit 0', 0],
    ['exit 255', 255],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
    ['kill -SEGV $$', 139],
  ];
  await Promise.all(cases.map(async ([line, status]) => assert.equal((await run(line)).code, status, line)));
  const { stdout, code } = await run('cat; exit 5', { input: 'one\ntwo\n' });
  assert.deepEqual([stdout, code], ['one\ntwo\n', 5]);
});

test('a process is not started for a parent that is gone already', NEEDS, async () => {
  const plan = await compile({ extends: ['@shell'], fs: { exec: ['/usr'] } });
  const image = (parent: number) =>
    startImage({
      arch: ARCH,
      plan: { ...plan, ruleset: null, filter: null },
      ruleset: null,
      file: '/bin/true',
      argv: ['true'],
      env: [],
      stdio: [0, 1, 2],
      keepFds: [],
      parentDeathSignal: 9,
      parent,
    });
  assert.throws(
    () => spawnImage(image(1)),
    (error) => error instanceof KernelError && error.step === 'find the parent alive' && error.errno === 3,
  );
  const { pidfd } = spawnImage(image(process.pid));
  assert.equal(waitPidfd(pidfd, { block: true })?.code, 0);
  attempt('close', pidfd);
});
