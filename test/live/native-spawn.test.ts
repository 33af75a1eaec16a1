/** Starting processes: what the child inherits and what not, how a failed start is reported, what it costs the parent. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { KernelError } from '../../packages/landward/src/errors.ts';
import { ARCH, attempt, call, spawnImage } from '../../packages/landward/src/kernel/call.ts';
import { type Image, ImageBuilder } from '../../packages/landward/src/kernel/image.ts';
import { native } from '../../packages/landward/src/kernel/native.ts';
import { signalPidfd, waitPidfd } from '../../packages/landward/src/kernel/process.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { O } from '../../packages/landward/src/uapi/open.ts';
import { runScript } from '../kit/child.ts';

/** An image that runs a program, with steps before it. */
function program(words: readonly string[], before: (build: ImageBuilder) => void = () => {}): Image {
  const build = new ImageBuilder(ARCH);
  before(build);
  build.step(
    'execve',
    [build.string(words[0]!), build.strings(words), build.strings([])],
    `start ${words[0]}`,
  );
  return build.build();
}

/** Runs a program and collects what it writes to descriptor 1. */
function output(words: readonly string[], before: (build: ImageBuilder) => void = () => {}) {
  const ends = new Int32Array(2);
  call('make a pipe', 'pipe2', ends, O[ARCH].CLOEXEC);
  const [read, write] = [ends[0]!, ends[1]!];
  const { pid, pidfd } = spawnImage(
    program(words, (build) => {
      before(build);
      build.step('dup3', [write, 1, 0], 'connect the output');
    }),
  );
  attempt('close', write);
  const text = readFileSync(read, 'utf8');
  attempt('close', read);
  const ended = waitPidfd(pidfd, { block: true });
  attempt('close', pidfd);
  return { pid, text, ended };
}

function openDescriptors(): readonly string[] {
  return readdirSync('/proc/self/fd');
}

test('a started process is what was asked for, and its end is told', () => {
  const { text, ended } = output(['/bin/sh', '-c', 'echo started; exit 3']);
  assert.equal(text, 'started\n');
  assert.equal(ended?.code, 3);
  assert.equal(ended?.signal, null);
  assert(ended!.maxRssBytes > 100_000);
});

test('a process that a signal ends has the signal and no status', () => {
  const { pidfd } = spawnImage(program(['/bin/sleep', '100']));
  assert.equal(waitPidfd(pidfd), null);
  assert.equal(signalPidfd(pidfd, 15), true);
  const ended = waitPidfd(pidfd, { block: true });
  assert.deepEqual([ended?.code, ended?.signal], [null, 15]);
  assert.equal(signalPidfd(pidfd, 15), false);
  assert.throws(() => waitPidfd(pidfd), { code: 'KERNEL', syscall: 'waitid', errno: ERRNO.ECHILD });
  attempt('close', pidfd);
});

test('the pidfd is close-on-exec', () => {
  const { pidfd } = spawnImage(program(['/bin/true']));
  assert.equal(attempt('fcntl', pidfd, 1, 0), 1);
  waitPidfd(pidfd, { block: true });
  attempt('close', pidfd);
});

test('a failed start names its step, and leaves neither process nor descriptor', () => {
  const before = openDescriptors().length;
  const missing = program(['/nonexistent'], (build) => build.step('getpid', [], 'nothing'));
  for (let i = 0; i < 50; i++) {
    assert.deepEqual(native().spawn(missing.bytes), { step: 1, errno: ERRNO.ENOENT, pid: -1, pidfd: -1 });
  }
  const refused = program(['/bin/true'], (build) =>
    build.step('chdir', [build.string('/nonexistent')], 'enter'),
  );
  assert.deepEqual(native().spawn(refused.bytes), { step: 0, errno: ERRNO.ENOENT, pid: -1, pidfd: -1 });
  assert.throws(
    () => spawnImage(refused),
    (error) => {
      assert(error instanceof KernelError);
      assert.deepEqual([error.syscall, error.errno, error.step], ['chdir', ERRNO.ENOENT, 'enter']);
      return true;
    },
  );
  assert.equal(openDescriptors().length, before);
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
  assert.equal(children, '');
});

test('an image that does not end in execve is not started', () => {
  const build = new ImageBuilder(ARCH);
  build.step('getpid', [], 'nothing');
  assert.throws(() => native().spawn(build.build().bytes), { name: 'TypeError', message: /ends in execve/ });
  assert.throws(() => native().spawn(new ImageBuilder(ARCH).build().bytes), TypeError);
});

/** A line of /proc/PID/status. */
function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)![1]!;
}

test('the child has default dispositions and no blocked signal', async () => {
  const child = await runScript(`
    import { ARCH, attempt, spawnImage } from './packages/landward/src/kernel/call.ts';
    import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
    import { waitPidfd } from './packages/landward/src/kernel/process.ts';
    import { readFileSync } from 'node:fs';
    // Handlers, ignored signals (two of which Node sets itself) and a full mask in the parent.
    process.on('SIGUSR1', () => {});
    process.on('SIGTERM', () => {});
    attempt('rt_sigprocmask', 2, new BigUint64Array([~0n & 0xffff_ffff_ffff_ffffn]), null, 8);
    console.log(readFileSync('/proc/thread-self/status', 'utf8').match(/Sig(Blk|Ign).*/g).join(' '));
    const build = new ImageBuilder(ARCH);
    const words = ['/bin/cat', '/proc/self/status'];
    build.step('fcntl', [1, 2, 0], 'keep the output, which Node marks close-on-exec');
    build.step('execve', [build.string(words[0]), build.strings(words), build.strings([])], 'start');
    waitPidfd(spawnImage(build.build()).pidfd, { block: true });
    console.log(readFileSync('/proc/thread-self/status', 'utf8').match(/SigBlk.*/)[0]);`);
  assert.equal(child.code, 0, child.stderr);
  const lines = child.stdout.split('\n');
  // The control: the parent does block everything and ignores SIGPIPE and SIGXFSZ.
  assert.match(lines[0]!, /SigBlk:\s*fffffffffffbfeff SigIgn:\s*0000000001001000/);
  const status = lines.slice(1).join('\n');
  for (const name of ['SigBlk', 'SigIgn', 'SigCgt', 'SigPnd', 'ShdPnd']) {
    assert.equal(field(status, name), '0000000000000000', name);
  }
  // The mask of the parent is what it was.
  assert.match(lines.at(-2)!, /SigBlk:\s*fffffffffffbfeff/);
});

test('signals that arrive during many starts run their handler in the parent only', async () => {
  const child = await runScript(`
    import { ARCH, attempt, spawnImage } from './packages/landward/src/kernel/call.ts';
    import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
    import { waitPidfd } from './packages/landward/src/kernel/process.ts';
    import { Worker } from 'node:worker_threads';
    let handled = 0;
    process.on('SIGUSR2', () => handled++);
    // Sends signals to this process all the time, from another thread.
    const worker = new Worker(\`
      import { workerData } from 'node:worker_threads';
      setInterval(() => { for (let i = 0; i < 20; i++) process.kill(workerData, 'SIGUSR2'); }, 0);
    \`, { eval: true, workerData: process.pid });
    await new Promise((go) => worker.once('online', go));
    while (handled === 0) await new Promise((go) => setTimeout(go, 1));
    const build = new ImageBuilder(ARCH);
    build.step('execve', [build.string('/bin/true'), build.strings(['true']), build.strings([])], 'start');
    const image = build.build();
    for (let i = 0; i < 100; i++) {
      const { pidfd } = spawnImage(image);
      const ended = waitPidfd(pidfd, { block: true });
      if (ended.code !== 0) throw new Error(JSON.stringify(ended));
      attempt('close', pidfd);
    }
    const before = handled;
    while (handled === before) await new Promise((go) => setTimeout(go, 1));
    console.log('handled');
    process.exit(0);`);
  assert.equal(child.stdout, 'handled\n', child.stderr);
  assert.equal(child.code, 0);
});

test('what the steps change is changed for the child only', () => {
  const directory = process.cwd();
  const { text } = output(['/bin/sh', '-c', 'pwd; ulimit -n; grep NoNewPrivs /proc/self/status'], (build) => {
    build.step('chdir', [build.string('/usr')], 'enter /usr');
    const limit = build.bytes(new Uint8Array(new BigUint64Array([64n, 64n]).buffer));
    build.step('prlimit64', [0, 7, limit, 0], 'limit descriptors');
    build.step('prctl', [38, 1, 0, 0, 0], 'set no_new_privs');
  });
  assert.equal(text, '/usr\n64\nNoNewPrivs:\t1\n');
  assert.equal(process.cwd(), directory);
  assert.match(readFileSync('/proc/self/status', 'utf8'), /NoNewPrivs:\t0/);
});

test('thousands of starts leave no descriptor and no zombie behind', () => {
  const image = program(['/bin/true']);
  const before = openDescriptors().length;
  for (let i = 0; i < 1000; i++) {
    const { pidfd } = spawnImage(image);
    waitPidfd(pidfd, { block: true });
    attempt('close', pidfd);
  }
  assert.equal(openDescriptors().length, before);
});

test('a start copies no memory of a large parent, as fork does', async () => {
  const child = await runScript(`
    import { spawnSync } from 'node:child_process';
    import { ARCH, attempt, spawnImage } from './packages/landward/src/kernel/call.ts';
    import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
    import { waitPidfd } from './packages/landward/src/kernel/process.ts';
    attempt('prctl', 41, 1, 0, 0, 0); // PR_SET_THP_DISABLE: pages of 4 KB, each with its own fault
    const bytes = 256 * 1024 * 1024;
    const memory = Buffer.alloc(bytes, 1);
    const build = new ImageBuilder(ARCH);
    build.step('execve', [build.string('/bin/true'), build.strings(['true']), build.strings([])], 'start');
    const image = build.build();
    const usage = new DataView(new ArrayBuffer(144));
    const faults = () => {
      attempt('getrusage', 0, usage);
      return Number(usage.getBigInt64(64, true));
    };
    // After a fork each page is shared until it is written, and then faults.
    const cost = (start) => {
      start();
      const before = faults();
      for (let at = 0; at < bytes; at += 4096) memory[at] = 2;
      return faults() - before;
    };
    const pages = bytes / 4096;
    const fork = cost(() => spawnSync('/bin/true')) / pages;
    const own = cost(() => waitPidfd(spawnImage(image).pidfd, { block: true })) / pages;
    console.log(JSON.stringify({ fork, own }));`);
  assert.equal(child.code, 0, child.stderr);
  const { fork, own } = JSON.parse(child.stdout) as { fork: number; own: number };
  assert(fork > 0.9, `the control must fault on nearly every page: ${fork}`);
  assert(own < 0.01, `faults a page after a start: ${own}`);
});

test('a worker can start processes', async () => {
  const child = await runScript(`
    import { Worker } from 'node:worker_threads';
    const code = \`
      import { parentPort } from 'node:worker_threads';
      import { ARCH, spawnImage } from '\${process.cwd()}/packages/landward/src/kernel/call.ts';
      import { ImageBuilder } from '\${process.cwd()}/packages/landward/src/kernel/image.ts';
      import { waitPidfd } from '\${process.cwd()}/packages/landward/src/kernel/process.ts';
      const build = new ImageBuilder(ARCH);
      build.step('execve', [build.string('/bin/sh'), build.strings(['sh', '-c', 'exit 9']), build.strings([])], 'start');
      let codes = 0;
      for (let i = 0; i < 50; i++) codes += waitPidfd(spawnImage(build.build()).pidfd, { block: true }).code;
      parentPort.postMessage(codes);
    \`;
    const workers = [1, 2, 3].map(() => new Promise((done, fail) => {
      const worker = new Worker(code, { eval: true });
      worker.on('message', done).on('error', fail);
    }));
    console.log(await Promise.all(workers));`);
  assert.equal(child.stdout, '[ 450, 450, 450 ]\n', child.stderr);
});
