/**
 * What a spawn costs in a process that has grown: Node's own spawn copies the page tables of the parent, landward's does
 * not. The same program, started by turns in one process per size; medians.
 */

import { spawnSync } from 'node:child_process';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../../test/kit/needs.ts';
import { builtLandward } from '../kit/built.ts';
import { ms, printTable, ratio } from '../kit/print.ts';
import { median } from '../kit/timer.ts';

const SIZES = [
  { megabytes: 60, rounds: 100 },
  { megabytes: 1024, rounds: 30 },
  { megabytes: 4096, rounds: 15 },
] as const;

export async function run(): Promise<void> {
  const { index } = await builtLandward();
  const rows: string[][] = [];
  for (const { megabytes, rounds } of SIZES) {
    if (freemem() / 2 ** 20 < megabytes * 1.5) {
      console.log(`Left out: ${megabytes} MB, which this machine does not have free`);
      continue;
    }
    const trial = spawnSync(
      process.execPath,
      [join(import.meta.dirname, 'trial.ts'), index, String(megabytes), String(rounds), findTool('true')!],
      { encoding: 'utf8' },
    );
    if (trial.status !== 0) throw new Error(`trial: ${trial.stderr}`);
    const times = JSON.parse(trial.stdout) as Record<
      'plain' | 'landward' | 'callPlain' | 'callLandward',
      number[]
    >;
    const [plain, landward] = [median(times.plain), median(times.landward)];
    const [callPlain, callLandward] = [median(times.callPlain), median(times.callLandward)];
    rows.push([
      `${megabytes} MB`,
      ms(plain),
      ms(landward),
      ratio(landward, plain),
      ms(callPlain),
      ms(callLandward),
    ]);
  }
  printTable(
    'Start `true` and await its end, ms (and the call alone, which blocks the event loop)',
    ['resident', 'child_process', 'landward, confined', 'ratio', 'call', 'call, confined'],
    rows,
  );
}
