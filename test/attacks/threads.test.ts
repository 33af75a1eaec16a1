import assert from 'node:assert/strict';
import test from 'node:test';
import { runScript } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { makeWorld } from './world.ts';

/**
 * A Node process that confines itself while it has threads of every kind (the pool's, busy ones, workers), and lets each
 * read the secret: old and new, by the pool and by itself. `restrict` is the defence.
 */
const script = (restrict: string) => `
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { restrictProcess } from './packages/landward/src/index.ts';
const [secret] = process.argv.slice(-1);
const source = \`
  const { readFileSync } = require('node:fs');
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.on('message', () => {
    try { parentPort.postMessage(readFileSync(workerData, 'utf8')); } catch (error) { parentPort.postMessage(error.code); }
  });
\`;
const start = async () => {
  const worker = new Worker(source, { eval: true, workerData: secret, execArgv: [] });
  await once(worker, 'online');
  return worker;
};
const ask = async (worker) => {
  worker.postMessage('read');
  return (await once(worker, 'message'))[0];
};
const attempt = async (read) => { try { return await read(); } catch (error) { return error.code; } };
await Promise.all(Array.from({ length: 8 }, () => readFile('/proc/self/status')));
const before = await start();
${restrict}
const after = await start();
const report = {
  main: await attempt(() => readFileSync(secret, 'utf8')),
  pool: await Promise.all(Array.from({ length: 8 }, () => attempt(() => readFile(secret, 'utf8')))),
  before: await ask(before),
  after: await ask(after),
};
console.log('REPORT ' + JSON.stringify(report));
process.exit(0);
`;

interface Report {
  readonly main: string;
  readonly pool: readonly string[];
  readonly before: string;
  readonly after: string;
}

async function report(restrict: string): Promise<{ report: Report; token: string }> {
  const world = makeWorld();
  try {
    const result = await runScript(script(restrict), [world.secret]);
    const line = /^REPORT (.*)$/m.exec(result.stdout)?.[1];
    assert.ok(line !== undefined, JSON.stringify(result));
    return { report: JSON.parse(line) as Report, token: `${world.token}\n` };
  } finally {
    world.remove();
  }
}

// A Node that already runs may hold io_uring rings, which is a gap of its own; what is proven here are the threads.
const RESTRICT = `await restrictProcess({
  fs: { read: ['/usr', '/proc', process.cwd()] },
  require: { degrade: ['process.io_uring'] },
});`;

test('26 threads that existed before the restriction read the secret: held', needs({ abi: 6 }), async () => {
  const { report: held } = await report(RESTRICT);
  assert.deepEqual([held.main, held.before], ['EACCES', 'EACCES']);
  assert.deepEqual(
    held.pool,
    Array.from({ length: 8 }, () => 'EACCES'),
  );
});

test('27 threads that are made after the restriction read the secret: held', needs({ abi: 6 }), async () => {
  const { report: held } = await report(RESTRICT);
  assert.equal(held.after, 'EACCES');
});

test('26 every thread reads the secret without the restriction', needs({ abi: 6 }), async () => {
  const { report: open, token } = await report('');
  assert.deepEqual(
    [open.main, open.before, open.after, ...open.pool],
    Array.from({ length: 11 }, () => token),
  );
});
