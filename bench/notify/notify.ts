/**
 * What a notified call costs before anything is decided: through an inbox, against a bare RECV that can wait for nothing else.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { printTable, ratio } from '../kit/print.ts';
import { median } from '../kit/timer.ts';

const TRIALS = 7;
const CALLS = 30_000;

interface Trial {
  readonly answered: number;
  readonly wallUs: number;
  readonly cpuUs: number;
}

export async function run(): Promise<void> {
  const modes = ['bare', 'inbox'] as const;
  const trials = { bare: [] as Trial[], inbox: [] as Trial[] };
  for (let trial = 0; trial < TRIALS; trial++) for (const mode of modes) trials[mode].push(once(mode));
  const of = (mode: 'bare' | 'inbox', what: 'wallUs' | 'cpuUs') =>
    median(trials[mode].map((one) => one[what]));
  printTable(
    `getppid answered ${CALLS} times, us a call, medians of ${TRIALS} interleaved trials`,
    ['way', 'wall', 'processor time of the supervisor', 'ratio'],
    modes.map((mode) => [
      mode === 'bare' ? 'bare RECV' : 'inbox',
      of(mode, 'wallUs').toFixed(1),
      of(mode, 'cpuUs').toFixed(1),
      ratio(of(mode, 'cpuUs'), of('bare', 'cpuUs')),
    ]),
  );
}

function once(mode: 'bare' | 'inbox'): Trial {
  const args = [join(import.meta.dirname, 'trial.ts'), mode, String(CALLS)];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`trial: ${child.stderr}`);
  return JSON.parse(child.stdout) as Trial;
}
