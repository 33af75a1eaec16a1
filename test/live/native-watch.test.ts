/** Watches on processes: on the main thread and in workers, ended early, left pending, throwing. */

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import test from 'node:test';
import { ARCH, attempt, spawnImage } from '../../packages/landward/src/kernel/call.ts';
import { ImageBuilder } from '../../packages/landward/src/kernel/image.ts';
import { native } from '../../packages/landward/src/kernel/native.ts';
import { signalPidfd, waitPidfd, watchPidfd } from '../../packages/landward/src/kernel/process.ts';
import { runScript } from '../kit/child.ts';

function start(...words: readonly string[]): number {
  const build = new ImageBuilder(ARCH);
  build.step('execve', [build.string(words[0]!), build.strings(words), build.strings([])], 'start');
  return spawnImage(build.build()).pidfd;
}

/** What scripts in a child begin with. */
const PRELUDE = `
  import { ARCH, attempt, spawnImage } from '${process.cwd()}/packages/landward/src/kernel/call.ts';
  import { ImageBuilder } from '${process.cwd()}/packages/landward/src/kernel/image.ts';
  import { signalPidfd, waitPidfd, watchPidfd } from '${process.cwd()}/packages/landward/src/kernel/process.ts';
  const start = (...words) => {
    const build = new ImageBuilder(ARCH);
    build.step('execve', [build.string(words[0]), build.strings(words), build.strings([])], 'start');
    return spawnImage(build.build()).pidfd;
  };`;

test('a watch calls back once, when the process has ended, in the context that made it', async () => {
  const storage = new AsyncLocalStorage<string>();
  const pidfd = start('/bin/sh', '-c', 'read line', 'sh');
  const pending = start('/bin/sleep', '100');
  const seen: (string | undefined)[] = [];
  await new Promise<void>((done) => {
    storage.run('context', () => {
      watchPidfd(pending, () => {
        seen.push(storage.getStore());
        done();
      });
    });
    assert.equal(waitPidfd(pending), null);
    signalPidfd(pending, 9);
  });
  assert.deepEqual(seen, ['context']);
  assert.equal(waitPidfd(pending)?.signal, 9);
  signalPidfd(pidfd, 9);
  waitPidfd(pidfd, { block: true });
  for (const fd of [pidfd, pending]) attempt('close', fd);
});

test('many watches each tell of their own process', async () => {
  const ended = await Promise.all(
    Array.from({ length: 40 }, (_, index) => {
      const pidfd = start('/bin/sh', '-c', `exit ${index}`);
      return new Promise((done) => {
        watchPidfd(pidfd, () => {
          const { code } = waitPidfd(pidfd)!;
          attempt('close', pidfd);
          done(code);
        });
      });
    }),
  );
  assert.deepEqual(
    ended,
    Array.from({ length: 40 }, (_, index) => index),
  );
});

test('a watch on a process that has already ended calls back too', async () => {
  const pidfd = start('/bin/true');
  waitPidfd(pidfd, { block: true });
  await new Promise<void>((done) => {
    watchPidfd(pidfd, done);
  });
  attempt('close', pidfd);
});

test('a watch that was ended never calls back, and can be ended again', async () => {
  const pidfd = start('/bin/sleep', '100');
  const watch = watchPidfd(pidfd, () => assert.fail('called back'));
  watch.stop();
  watch.stop();
  watch.ref(true);
  signalPidfd(pidfd, 9);
  await new Promise<void>((done) => {
    watchPidfd(pidfd, done);
  });
  waitPidfd(pidfd);
  attempt('close', pidfd);
});

test('what is no watch, descriptor or function is refused', () => {
  for (const wrong of [null, undefined, {}, 1, process, new Uint8Array(8)]) {
    assert.throws(() => native().unwatch(wrong as object), TypeError);
    assert.throws(() => native().watchRef(wrong as object, true), TypeError);
  }
  assert.throws(() => native().watch(0, null as unknown as () => void), TypeError);
  assert.throws(() => native().watch('0' as unknown as number, () => {}), TypeError);
  assert.throws(() => native().watch(-1, () => {}), Error);
  assert.throws(() => native().watch(987_654, () => {}), Error);
});

test('a pending watch keeps the event loop alive, one that is not referenced does not', async () => {
  const kept = await runScript(`${PRELUDE}
    const pidfd = start('/bin/sleep', '0.2');
    watchPidfd(pidfd, () => console.log('ended'));`);
  assert.equal(kept.stdout, 'ended\n', kept.stderr);
  const left = await runScript(`${PRELUDE}
    const pidfd = start('/bin/sleep', '100');
    const watch = watchPidfd(pidfd, () => console.log('ended'));
    watch.ref(false);
    process.on('exit', () => { signalPidfd(pidfd, 9); console.log('left'); });`);
  assert.equal(left.stdout, 'left\n', left.stderr);
});

test('what a callback throws is an uncaught exception', async () => {
  const child = await runScript(`${PRELUDE}
    process.on('uncaughtException', (error) => console.log('caught', error.message));
    watchPidfd(start('/bin/true'), () => { throw new Error('from the callback'); });`);
  assert.equal(child.stdout, 'caught from the callback\n', child.stderr);
  assert.equal(child.code, 0);
});

test('promises that a callback resolves go on before the loop does', async () => {
  const child = await runScript(`${PRELUDE}
    const order = [];
    watchPidfd(start('/bin/true'), () => {
      setImmediate(() => console.log([...order, 'immediate'].join(' ')));
      Promise.resolve().then(() => order.push('promise'));
      process.nextTick(() => order.push('tick'));
    });`);
  assert.equal(child.stdout, 'tick promise immediate\n', child.stderr);
});

test('a worker can watch, and can be ended while it does', async () => {
  const child = await runScript(`
    import { Worker } from 'node:worker_threads';
    const prelude = ${JSON.stringify(PRELUDE)};
    const run = (text, then) => new Promise((done, fail) => {
      const worker = new Worker(prelude + text, { eval: true });
      worker.on('error', fail).on('exit', done);
      worker.on('message', (message) => then(message, worker));
    });
    await run(\`
      import { parentPort } from 'node:worker_threads';
      const pidfd = start('/bin/sleep', '0.1');
      watchPidfd(pidfd, () => parentPort.postMessage(waitPidfd(pidfd)?.code));
    \`, (message) => console.log('worker saw', message));
    const orphans = [];
    for (let i = 0; i < 5; i++) await run(\`
      import { parentPort } from 'node:worker_threads';
      const pidfds = [1, 2, 3].map(() => start('/bin/sleep', '100'));
      for (const pidfd of pidfds) watchPidfd(pidfd, () => {});
      parentPort.postMessage(pidfds);
    \`, (pidfds, worker) => {
      worker.terminate();
      orphans.push(...pidfds);
    });
    const { signalPidfd } = await import('${process.cwd()}/packages/landward/src/kernel/process.ts');
    for (const pidfd of orphans) signalPidfd(pidfd, 9);
    console.log('ended', orphans.length);`);
  assert.equal(child.stdout, 'worker saw 0\nended 15\n', child.stderr);
  assert.equal(child.code, 0);
});

test('handles that are dropped are freed, whether pending or over', async () => {
  const child = await runScript(`${PRELUDE}
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    let ended = 0;
    const pidfds = Array.from({ length: 200 }, () => start('/bin/true'));
    for (const pidfd of pidfds) watchPidfd(pidfd, () => ended++);
    gc();
    while (ended < pidfds.length) {
      await new Promise((go) => setImmediate(go));
      gc();
    }
    console.log(ended);`);
  assert.equal(child.stdout, '200\n', child.stderr);
});
