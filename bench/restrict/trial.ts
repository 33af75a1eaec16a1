/**
 * One trial of the restrict bench: a Node process with a given number of threads confines itself, and prints how long
 * that took, in milliseconds, with the number of threads it had.
 */

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type * as Landward from '../../packages/landward/src/index.ts';

const [index, wanted] = process.argv.slice(2) as [string, string];
const { restrictProcess } = (await import(index)) as typeof Landward;
const threads = () => readdirSync('/proc/self/task').length;

// The pool's threads first: each read takes one.
await Promise.all(Array.from({ length: 4 }, () => readFile('/proc/self/status')));
const workers: Worker[] = [];
while (threads() < Number(wanted)) {
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
  await once(worker, 'online');
  workers.push(worker);
}
const count = threads();
const begin = performance.now();
await restrictProcess({ fs: { read: ['/usr', '/proc'] }, require: { degrade: ['process.io_uring'] } });
const took = performance.now() - begin;
console.log(JSON.stringify({ took, count }));
await Promise.all(workers.map((worker) => worker.terminate()));
process.exit(0);
