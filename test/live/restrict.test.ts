/**
 * `restrictProcess` and `landward/auto`: each case is a Node process of its own that restricts itself and tells what every
 * kind of thread can still do. The same process without the restriction is the control.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type ChildResult, runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 4 });
const library = pathToFileURL(join(root, 'packages/landward/src/index.ts')).href;
const auto = pathToFileURL(join(root, 'packages/landward/src/auto.ts')).href;

/** Runs a module in a child that has `restrictProcess`, `secret` (a file outside of every policy here) and `open`. */
function script(text: string, directory: string): Promise<ChildResult> {
  writeFileSync(join(directory, 'secret'), 'secret\n');
  const prelude = `
    import { compile, restrictProcess, spawn } from ${JSON.stringify(library)};
    import fs from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const secret = ${JSON.stringify(join(directory, 'secret'))};
    const accept = { degrade: ['process.io_uring'] };
    const open = () => { try { return fs.readFileSync(secret, 'utf8').trim(); } catch (error) { return error.code; } };
  `;
  const file = join(directory, 'script.mts');
  writeFileSync(file, prelude + text);
  return runChild(process.execPath, [file]);
}

const everyThread = (restriction: string) => `
  // The pool and one worker exist before, the others come after.
  await new Promise((done) => fs.readFile(secret, done));
  const ask = 'const { parentPort, workerData } = require("node:worker_threads"); const fs = require("node:fs");'
    + 'const open = () => { try { return fs.readFileSync(workerData, "utf8").trim(); } catch (error) { return error.code; } };'
    + 'parentPort.on("message", () => parentPort.postMessage(open()));';
  const worker = () => new Promise((done) => {
    const one = new Worker(ask, { eval: true, workerData: secret });
    one.once('online', () => done(one));
  });
  const answer = (one) => new Promise((done) => { one.once('message', done); one.postMessage(0); });
  const early = await worker();
  const result = ${restriction};
  const late = await worker();
  const told = {
    sync: open(),
    pool: await new Promise((done) => fs.readFile(secret, 'utf8', (error, text) => done(error?.code ?? text.trim()))),
    promise: await fs.promises.readFile(secret, 'utf8').then((text) => text.trim(), (error) => error.code),
    early: await answer(early),
    late: await answer(late),
    fetch: await fetch('http://127.0.0.1:8765').catch((error) => error.cause.code ?? error.cause.message),
    child: await (await import('node:child_process')).spawnSync('/bin/cat', [secret], { encoding: 'utf8' }).status,
    threads: result?.threads?.length, bound: result?.threads?.every((thread) => thread.noNewPrivs && thread.filters > 0),
    probe: result?.probe, mode: result?.mode,
  };
  console.log(JSON.stringify(told));
  await Promise.all([early.terminate(), late.terminate()]);
`;

test('every thread is bound: main, pool, workers before and after, fetch, children', NEEDS, async (t) => {
  const directory = temporaryDirectory(t);
  const free = await script(everyThread('null'), directory);
  const control = JSON.parse(free.stdout);
  for (const key of ['sync', 'pool', 'promise', 'early', 'late'])
    assert.equal(control[key], 'secret', `${key} ${free.stderr}`);
  assert.equal(control.child, 0);
  assert.notEqual(control.fetch, 'EACCES');
  const bound = await script(
    everyThread("await restrictProcess({ extends: ['@base'], fs: { exec: ['/usr'] }, require: accept })"),
    directory,
  );
  const told = JSON.parse(bound.stdout || assert.fail(bound.stderr));
  for (const key of ['sync', 'pool', 'promise', 'early', 'late']) assert.equal(told[key], 'EACCES', key);
  assert.notEqual(told.child, 0);
  assert.equal(told.fetch, 'EACCES');
  assert.equal(told.bound, true);
  assert.ok(told.threads >= 8, `${told.threads} threads`);
  assert.notEqual(told.probe, null);
});

test('a later call narrows, and never widens', NEEDS, async (t) => {
  const directory = temporaryDirectory(t);
  const { stdout, stderr } = await script(
    `
    const proc = { read: ['/proc'] };
    await restrictProcess({ fs: { read: ['/proc', secret] }, require: accept });
    console.log(open());
    await restrictProcess({ fs: proc, require: accept });
    console.log(open());
    await restrictProcess({ fs: { read: ['/proc', secret] }, require: accept });
    console.log(open());
  `,
    directory,
  );
  assert.equal(stdout, 'secret\nEACCES\nEACCES\n', stderr);
});

test('the seventeenth layer is refused with the process as it was', NEEDS, async (t) => {
  const { stdout, stderr } = await script(
    `
    const policy = { fs: { read: ['/proc', secret] }, require: accept };
    for (let layer = 1; ; layer++) {
      const error = await restrictProcess(policy).catch((error) => error);
      if (error instanceof Error) { console.log(layer, error.code, /16 layers of Landlock/.test(error.message), open()); break; }
    }
  `,
    temporaryDirectory(t),
  );
  assert.equal(stdout, '17 KERNEL true secret\n', stderr);
});

test('what cannot be had is refused, and nothing is restricted then', NEEDS, async (t) => {
  const { stdout, stderr } = await script(
    `
    const refused = async (policy) => {
      const error = await restrictProcess(policy).catch((error) => error);
      console.log(error.code, open());
    };
    await refused({ fs: {} });
    await refused({ fs: {}, limits: { time: '1s' }, require: accept });
    await refused({ fs: { read: ['/nowhere/at/all'] }, require: accept });
    await refused({ fs: { read: ['/proc'], nonsense: [] }, require: accept });
  `,
    temporaryDirectory(t),
  );
  assert.equal(
    stdout,
    'POLICY_GAP secret\nUNSUPPORTED secret\nPATH_MISSING secret\nPOLICY_INVALID secret\n',
    stderr,
  );
});

test('a ring that polls, or carries a personality, is a reason to refuse', NEEDS, async (t) => {
  const { stdout, stderr } = await script(
    `
    const { attempt } = await import(${JSON.stringify(pathToFileURL(join(root, 'packages/landward/src/kernel/call.ts')).href)});
    const params = new Uint8Array(120);
    const ring = attempt('io_uring_setup', 4, params);
    if (ring < 0) { console.log('none'); process.exit(0); }
    const personality = attempt('io_uring_register', ring, 9, null, 0);
    if (personality < 0) { console.log('none'); process.exit(0); }
    const first = await restrictProcess({ fs: {}, require: accept }).catch((error) => error);
    console.log(first.code, /personalit/.test(first.message), open());
    attempt('close', ring);
    new DataView(params.buffer).setUint32(8, 2, true);
    const polling = attempt('io_uring_setup', 4, params.fill(0, 0, 8));
    const second = await restrictProcess({ fs: {}, require: accept }).catch((error) => error);
    console.log(polling < 0 || (second.code === 'THREADS' && /poll/.test(second.message)), open());
    process.exit(0);
  `,
    temporaryDirectory(t),
  );
  if (stdout === 'none\n') t.skip('needs io_uring, which this kernel refuses');
  else assert.equal(stdout, 'THREADS true secret\ntrue secret\n', stderr);
});

test(
  'landward/auto confines an application before its first line, on its own descriptors',
  NEEDS,
  async (t) => {
    const project = temporaryDirectory(t);
    writeFileSync(join(project, 'secret'), 'secret\n');
    const app = join(project, 'app');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(app);
    writeFileSync(join(app, 'landward.toml'), '[fs]\nread = ["$project", "/proc"]\n');
    writeFileSync(
      join(app, 'main.mjs'),
      `import fs from 'node:fs';
     let said; try { said = fs.readFileSync('../secret', 'utf8').trim(); } catch (error) { said = error.code; }
     const links = fs.readdirSync('/proc/self/fd').map((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch {} });
     console.log(said, links.filter((link) => link?.includes('io_uring')).length, process.argv.slice(2).join());
     process.stdin.pipe(process.stdout);`,
    );
    const run = (args: readonly string[]) =>
      runChild(process.execPath, [...args, join(app, 'main.mjs'), 'a', 'b c'], { cwd: app, input: 'in\n' });
    const free = await run([]);
    assert.match(free.stdout, /^secret \d+ a,b c\nin\n$/);
    const confined = await run(['--import', auto]);
    assert.equal(confined.stdout, 'EACCES 0 a,b c\nin\n', confined.stderr);
    assert.equal(confined.code, 0);
  },
);

test('landward/auto without a policy, or with a broken one, starts nothing', NEEDS, async (t) => {
  const project = temporaryDirectory(t);
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(project, '.git'));
  writeFileSync(join(project, 'main.mjs'), 'console.log("ran")');
  const run = () => runChild(process.execPath, ['--import', auto, join(project, 'main.mjs')]);
  const without = await run();
  assert.deepEqual([without.code, without.stdout], [125, ''], without.stderr);
  assert.match(without.stderr, /no landward\.toml/);
  writeFileSync(join(project, 'landward.toml'), '[fs]\nraed = []\n');
  const broken = await run();
  assert.deepEqual([broken.code, broken.stdout], [125, '']);
  assert.match(broken.stderr, /landward\.toml:2:1[\s\S]*raed/);
});

test('one call binds all threads where the kernel has it, workers included', needs({ abi: 8 }), async (t) => {
  const directory = temporaryDirectory(t);
  const { stdout, stderr } = await script(
    everyThread("await restrictProcess({ extends: ['@base'], fs: { exec: ['/usr'] }, require: accept })"),
    directory,
  );
  const told = JSON.parse(stdout || assert.fail(stderr));
  assert.equal(told.mode, 'tsync');
  assert.deepEqual([told.sync, told.pool, told.early, told.late], Array(4).fill('EACCES'));
  assert.equal(told.bound, true);
  assert.notEqual(told.probe, null, 'every thread has proven it');
});
