/**
 * One trial of the spawn bench, in a process of its own: grows to a given size, then starts `true` by turns through
 * `child_process.spawn` and through landward with a reused plan, and prints the times as JSON.
 */

import { spawn as plainSpawn } from 'node:child_process';
import { once } from 'node:events';
import type * as Landward from '../../packages/landward/src/index.ts';

const [index, megabytes, rounds, target] = process.argv.slice(2) as [string, string, string, string];
const { compile, prepare, spawn } = (await import(index)) as typeof Landward;

// Touched page by page, so that the memory is really there.
const ballast: Buffer[] = [];
const resident = () => process.memoryUsage.rss() / 2 ** 20;
while (resident() < Number(megabytes)) ballast.push(Buffer.alloc(16 << 20, 1));

const plan = await compile({
  fs: {
    read: [{ path: '/etc/ld.so.cache', optional: true }],
    exec: [{ path: ['/usr', '/bin', '/lib', '/lib64'], optional: true }],
  },
  net: { connect: [] },
});
using prepared = prepare(plan);

const times: { plain: number[]; landward: number[]; callPlain: number[]; callLandward: number[] } = {
  plain: [],
  landward: [],
  callPlain: [],
  callLandward: [],
};

async function plain(): Promise<void> {
  const begin = performance.now();
  const child = plainSpawn(target, [], { stdio: 'ignore' });
  times.callPlain.push(performance.now() - begin);
  await once(child, 'exit');
  times.plain.push(performance.now() - begin);
}

async function confined(): Promise<void> {
  const begin = performance.now();
  const child = spawn(target, [], { plan: prepared, stdio: 'ignore' });
  times.callLandward.push(performance.now() - begin);
  await child;
  times.landward.push(performance.now() - begin);
}

await plain();
await confined();
for (const list of Object.values(times)) list.length = 0;
for (let round = 0; round < Number(rounds); round++) {
  await (round % 2 === 0 ? plain() : confined());
  await (round % 2 === 0 ? confined() : plain());
}
console.log(JSON.stringify({ resident: resident(), ballast: ballast.length, ...times }));
