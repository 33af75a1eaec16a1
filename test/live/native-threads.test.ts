/** Applying an image on every thread: with workers and a busy thread pool, while threads come and go, all or none. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { runScript } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';

const kernel = `${process.cwd()}/packages/landward/src/kernel`;

/** What scripts in a child begin with. */
const PRELUDE = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  import { ARCH, attempt, applyImage, applyImageToThreads } from '${kernel}/call.ts';
  import { ImageBuilder } from '${kernel}/image.ts';
  import { createRuleset } from '${kernel}/landlock.ts';
  const tids = () => readdirSync('/proc/self/task').map(Number).sort((a, b) => a - b);
  const status = (tid, name) =>
    new RegExp('^' + name + ':\\\\s*(.*)$', 'm').exec(readFileSync('/proc/self/task/' + tid + '/status', 'utf8'))[1];
  const noNewPrivs = () => {
    const build = new ImageBuilder(ARCH);
    build.step('prctl', [38, 1, 0, 0, 0], 'set no_new_privs');
    return build;
  };
  const worker = (text) => new Promise((go) => {
    const made = new Worker(text, { eval: true });
    made.once('message', () => go(made));
  });
  const IDLE = "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {}); parentPort.postMessage(0);";
  const failed = (results) => results.filter(({ errno }) => errno !== 0);`;

async function run(body: string): Promise<string> {
  const child = await runScript(PRELUDE + body);
  assert.equal(child.code, 0, child.stderr);
  return child.stdout;
}

test('every thread applies, the caller first, and each is told of', async () => {
  const out = await run(`
    const workers = await Promise.all([1, 2, 3].map(() => worker(IDLE)));
    const before = tids();
    const results = applyImageToThreads(noNewPrivs().build(), 60000);
    const after = tids();
    console.log(results[0].tid === process.pid, failed(results).length);
    console.log(JSON.stringify(results.map(({ tid }) => tid).sort((a, b) => a - b)) === JSON.stringify(after));
    console.log(after.every((tid) => status(tid, 'NoNewPrivs') === '1'), after.length >= 4 + 3, before.length >= 7);
    process.exit(0);`);
  assert.equal(out, 'true 0\ntrue\ntrue true true\n');
});

test(
  'Landlock holds in the thread pool, in workers, in synchronous calls and in later threads',
  needs({ abi: 1 }),
  async () => {
    const out = await run(`
    import { readFile } from 'node:fs/promises';
    const reader = "import { parentPort } from 'node:worker_threads'; import { readFileSync } from 'node:fs';" +
      "const read = () => { try { readFileSync('/etc/hostname'); return 'read'; } catch (error) { return error.code; } };" +
      "parentPort.on('message', () => parentPort.postMessage(read())); parentPort.postMessage(0);";
    const workers = await Promise.all([1, 2, 3].map(() => worker(reader)));
    const ask = (one) => new Promise((done) => { one.once('message', done); one.postMessage(0); });
    const pool = () => Promise.all(Array.from({ length: 16 }, () => readFile('/etc/hostname').then(() => 'read', (error) => error.code)));
    const sync = () => { try { readFileSync('/etc/hostname'); return 'read'; } catch (error) { return error.code; } };
    const look = async () => [...new Set([sync(), ...await pool(), ...await Promise.all(workers.map(ask))])].join(' ');
    console.log(await look());
    const later = await worker(reader); // exists, so that its code is loaded; asked below
    const ruleset = createRuleset({ fs: 4 });
    const build = noNewPrivs();
    build.step('landlock_restrict_self', [ruleset.number, 0], 'enter the domain');
    console.log(failed(applyImageToThreads(build.build(), 60000)).length);
    console.log(await look(), await ask(later));
    process.exit(0);`);
    assert.equal(out, 'read\n0\nEACCES EACCES\n');
  },
);

test('the pool and the loop may be busy, and calls that were interrupted go on', async () => {
  const out = await run(`
    import { pbkdf2 } from 'node:crypto';
    import { readFile } from 'node:fs/promises';
    import { createServer, connect } from 'node:net';
    const spin = "import { parentPort } from 'node:worker_threads'; parentPort.postMessage(0); for (;;) Math.random();";
    const blocked = "import { parentPort } from 'node:worker_threads'; parentPort.postMessage(0);" +
      "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";
    await Promise.all([worker(spin), worker(blocked), worker(IDLE)]);
    const hashes = Array.from({ length: 8 }, () => new Promise((done, fail) =>
      pbkdf2('x', 'y', 20000, 32, 'sha256', (error) => error ? fail(error) : done('hash'))));
    const reads = Array.from({ length: 32 }, () => readFile('/proc/self/status').then(() => 'read'));
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    await new Promise((go) => server.once('listening', go));
    const greeting = new Promise((done) => connect(server.address().port, '127.0.0.1').once('data', (data) => done(String(data))));
    const rounds = Array.from({ length: 20 }, () => applyImageToThreads(noNewPrivs().build(), 60000));
    console.log(rounds.every((results) => failed(results).length === 0 && results.length >= 7));
    console.log(new Set(await Promise.all([...hashes, ...reads])).size, await greeting);
    process.exit(0);`);
  assert.equal(out, 'true\n2 hello\n');
});

test('threads that start and end meanwhile are all caught', async () => {
  const out = await run(`
    // Each worker starts a worker and ends: threads come and go all the time, started by threads not yet caught.
    const chain = "import { Worker, workerData } from 'node:worker_threads';" +
      "if (workerData.left > 0) new Worker(workerData.code, { eval: true, workerData: { ...workerData, left: workerData.left - 1 } });";
    const chains = Array.from({ length: 4 }, () => new Promise((done) =>
      new Worker(chain, { eval: true, workerData: { code: chain, left: 2 } }).once('exit', done)));
    let rounds = 0;
    let over = false;
    Promise.all(chains).then(() => { over = true; });
    let bad = '';
    while (!over) {
      const results = applyImageToThreads(noNewPrivs().build(), 60000);
      if (failed(results).length > 0) bad = JSON.stringify(results);
      rounds++;
      await new Promise((go) => setImmediate(go));
    }
    console.log(rounds > 0, bad, tids().every((tid) => status(tid, 'NoNewPrivs') === '1'));`);
  assert.equal(out, 'true  true\n');
});

test('an image that fails on the caller is applied nowhere', async () => {
  const out = await run(`
    await worker(IDLE);
    const build = new ImageBuilder(ARCH);
    build.step('close', [-1], 'fails');
    build.step('prctl', [38, 1, 0, 0, 0], 'set no_new_privs');
    const [first, ...others] = applyImageToThreads(build.build(), 60000);
    console.log(first.tid === process.pid, first.step, first.errno);
    console.log(new Set(others.map(({ step, errno }) => step + ' ' + errno)), others.length >= 5);
    console.log(new Set(tids().map((tid) => status(tid, 'NoNewPrivs'))));
    process.exit(0);`);
  assert.equal(out, "true 0 9\nSet(1) { '-1 125' } true\nSet(1) { '0' }\n");
});

test('a failure on another thread is told with its step', async () => {
  // Only the caller has the descriptor table in which the number is open.
  const out = await run(`
    const unshare = "import { attempt } from '${kernel}/call.ts'; import { parentPort } from 'node:worker_threads';" +
      "attempt('unshare', 0x400); attempt('close', 99); const tid = attempt('gettid'); parentPort.on('message', () => {}); parentPort.postMessage(tid);";
    attempt('dup3', 2, 99, 0);
    const tid = await new Promise((go) => new Worker(unshare, { eval: true }).once('message', go));
    const build = noNewPrivs();
    build.step('fcntl', [99, 1, 0], 'look at the descriptor');
    const bad = failed(applyImageToThreads(build.build(), 60000));
    console.log(bad.length, bad[0].tid === tid, bad[0].step, bad[0].errno);
    process.exit(0);`);
  assert.equal(out, '1 true 1 9\n');
});

test('a thread that cannot be stopped makes it fail everywhere, and nothing breaks later', async () => {
  const out = await run(
    `
    // Blocks every signal, the one that libc cannot block included, and waits: all in one image, because libc would
    // let that signal through again at the next occasion.
    const pipe = () => { const ends = new Int32Array(2); attempt('pipe2', ends, 0); return [...ends]; };
    const [ready, go] = [pipe(), pipe()];
    const deaf = "import { applyImage, ARCH, attempt } from '${kernel}/call.ts'; import { ImageBuilder } from '${kernel}/image.ts';" +
      "import { parentPort, workerData } from 'node:worker_threads';" +
      "const build = new ImageBuilder(ARCH); const tid = build.slot(); const mask = build.bytes(new Uint8Array(8).fill(255));" +
      "build.step('gettid', [], 'tid', { store: tid }); build.step('rt_sigprocmask', [2, mask, null, 8], 'block');" +
      "build.step('write', [workerData[0], { ...tid, kind: 'place' }, 4], 'ready'); build.step('read', [workerData[1], build.reserve(4), 1], 'go');" +
      "build.step('rt_sigprocmask', [2, build.reserve(8), null, 8], 'unblock'); applyImage(build.build());" +
      "parentPort.on('message', () => {}); parentPort.postMessage('hears');";
    const made = new Worker(deaf, { eval: true, workerData: [ready[1], go[0]] });
    const told = new Int32Array(1);
    while (attempt('fcntl', ready[0], 4, 0o4000) !== 0 || attempt('read', ready[0], told, 4) !== 4) await new Promise((next) => setTimeout(next, 1));
    const tid = told[0];
    const results = applyImageToThreads(noNewPrivs().build(), 1500);
    const late = failed(results).filter(({ errno }) => errno === 110);
    console.log(late.some((one) => one.tid === tid), failed(results).length === results.length);
    console.log(new Set(tids().map((tid) => status(tid, 'NoNewPrivs'))));
    // The late signal arrives now, and is no business of anybody any more.
    const answer = new Promise((done) => made.once('message', done));
    attempt('write', go[1], new Uint8Array(1), 1);
    console.log(await answer, new Set(tids().map((tid) => status(tid, 'NoNewPrivs'))));
    // The libc's own use of the signal still reaches every thread, whose number it shares with ours.
    process.setegid(12345);
    console.log(new Set(tids().map((tid) => status(tid, 'Gid').split('\\t')[1])));
    console.log(failed(applyImageToThreads(noNewPrivs().build(), 60000)).length);
    console.log(new Set(tids().map((tid) => status(tid, 'NoNewPrivs'))));
    process.exit(0);`.replace('process.setegid', process.getuid?.() === 0 ? 'process.setegid' : '(() => {})'),
  );
  const group = process.getuid?.() === 0 ? "Set(1) { '12345' }" : `Set(1) { '${process.getegid?.()}' }`;
  assert.equal(out, `true true\nSet(1) { '0' }\nhears Set(1) { '0' }\n${group}\n0\nSet(1) { '1' }\n`);
});

test("a kernel thread of io_uring, which holds this process's rights and hears no signal, makes it fail", async (t) => {
  const out = await run(`
    const IORING_SETUP_SQPOLL = 2;
    const params = new Uint32Array(30);
    params[2] = IORING_SETUP_SQPOLL;
    const before = tids();
    const ring = attempt('io_uring_setup', 8, params);
    if (ring < 0) { console.log('refused', ring); process.exit(0); }
    const added = tids().filter((tid) => !before.includes(tid));
    const late = applyImageToThreads(noNewPrivs().build(), 1500).filter(({ errno }) => errno === 110);
    console.log(added.length, late.some(({ tid }) => tid === added[0]));
    console.log(new Set(tids().filter((tid) => tid !== added[0]).map((tid) => status(tid, 'NoNewPrivs'))));
    process.exit(0);`);
  if (out.startsWith('refused'))
    return t.skip(`io_uring is not allowed here: errno ${out.trim().split('-')[1]}`);
  assert.equal(out, "1 true\nSet(1) { '0' }\n");
});

test('the disposition of the signal is what it was, afterwards', async () => {
  const out = await run(`
    const raw = () => {
      const action = new BigUint64Array(4);
      // glibc keeps 33 for itself, musl 34.
      const number = process.report.getReport().header.glibcVersionRuntime === undefined ? 34 : 33;
      attempt('rt_sigaction', number, null, action, 8);
      return action.join(' ');
    };
    const before = raw();
    applyImageToThreads(noNewPrivs().build(), 60000);
    console.log(raw() === before);`);
  assert.equal(out, 'true\n');
});

test('two threads that apply at once do not wait for each other for ever', async () => {
  const out = await run(`
    const code = "import { applyImageToThreads, ARCH } from '${kernel}/call.ts'; import { ImageBuilder } from '${kernel}/image.ts';" +
      "import { parentPort } from 'node:worker_threads';" +
      "const build = new ImageBuilder(ARCH); build.step('prctl', [38, 1, 0, 0, 0], 'set');" +
      "const seen = new Set(); for (let i = 0; i < 100; i++) for (const { errno } of applyImageToThreads(build.build(), 60000)) seen.add(errno);" +
      "parentPort.postMessage([...seen]);";
    const workers = [1, 2, 3].map(() => new Promise((done, fail) => new Worker(code, { eval: true }).once('message', done).once('error', fail)));
    // 16 (EBUSY) tells that another thread was at it.
    const all = new Set((await Promise.all(workers)).flat());
    all.delete(16);
    console.log([...all].join(' '));
    process.exit(0);`);
  assert.equal(out, '0\n');
});
