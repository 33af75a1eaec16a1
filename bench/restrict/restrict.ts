/**
 * How long a running Node takes to confine itself on all its threads. A process a trial, because a domain stays.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { builtLandward } from '../kit/built.ts';
import { ms, printTable } from '../kit/print.ts';
import { median } from '../kit/timer.ts';

const TRIALS = 15;

export async function run(): Promise<void> {
  const { index } = await builtLandward();
  const rows = [8, 12, 16].map((wanted) => {
    const took: number[] = [];
    let count = 0;
    for (let trial = 0; trial < TRIALS; trial++) {
      const child = spawnSync(
        process.execPath,
        [join(import.meta.dirname, 'trial.ts'), index, String(wanted)],
        { encoding: 'utf8' },
      );
      if (child.status !== 0) throw new Error(`trial: ${child.stderr}`);
      const result = JSON.parse(child.stdout) as { took: number; count: number };
      took.push(result.took);
      count = result.count;
    }
    return [String(count), ms(median(took)), ms(Math.min(...took)), ms(Math.max(...took))];
  });
  printTable(
    'restrictProcess, policy compiled and held on every thread, ms',
    ['threads', 'median', 'least', 'most'],
    rows,
  );
}
