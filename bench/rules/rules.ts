/**
 * What many rules cost: compiling a policy to a plan, and installing the plan's ruleset, against the kernel's calls
 * alone made from C on the same paths. One file a rule; medians.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Landward from '../../packages/landward/src/index.ts';
import { builtLandward } from '../kit/built.ts';
import { cache } from '../kit/places.ts';
import { ms, printTable, ratio } from '../kit/print.ts';
import { compileC, median } from '../kit/timer.ts';

const COUNTS = [1, 10, 100, 1000, 10_000] as const;
const ROUNDS = 15;

export async function run(): Promise<void> {
  const { index } = await builtLandward();
  const { compile, prepare } = (await import(index)) as typeof Landward;
  const kernel = compileC('bench/rules/kernel.c', 'rules-kernel');
  const place = join(cache, 'rules');
  rmSync(place, { recursive: true, force: true });
  const rows: string[][] = [];
  for (const count of COUNTS) {
    const folder = join(place, String(count));
    mkdirSync(folder, { recursive: true });
    const paths = Array.from({ length: count }, (_, i) => join(folder, `file-${i}`));
    for (const path of paths) writeFileSync(path, '');
    const list = join(place, `${count}.txt`);
    writeFileSync(list, `${paths.join('\n')}\n`);

    const [compiled, prepared, floor]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round <= ROUNDS; round++) {
      const begin = performance.now();
      const plan = await compile({ fs: { read: paths } });
      const middle = performance.now();
      prepare(plan).close();
      const end = performance.now();
      const c = spawnSync(kernel, [list, '1'], { encoding: 'utf8' });
      if (c.status !== 0) throw new Error(`rules-kernel ended with ${c.status}`);
      if (round === 0) continue; // Warm-up: code and directory entries.
      compiled.push(middle - begin);
      prepared.push(end - middle);
      floor.push(Number(c.stdout) / 1e6);
    }
    const [a, b, c] = [median(compiled), median(prepared), median(floor)];
    rows.push([String(count), ms(a), ms(b), ms(c), ratio(b, c), ratio(a + b, c)]);
  }
  rmSync(place, { recursive: true, force: true });
  printTable(
    'Rules, one a file, ms',
    ['rules', 'compile', 'install', 'kernel alone', 'install ratio', 'both, ratio'],
    rows,
  );
}
