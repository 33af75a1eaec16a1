/**
 * `npm run races -- [--attempts N] [--only NAME]`: the flip attacks against the supervisor, many times. Prints a line each;
 * ends with status 1 when one escaped, or when the supervisor that only looks was not broken.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FLIPS, runFlip } from '../test/attacks/flips.ts';

const { values } = parseArgs({
  options: { attempts: { type: 'string', default: '1000000' }, only: { type: 'string' } },
});
const attempts = Number(values.attempts);
if (!Number.isSafeInteger(attempts) || attempts < 1) throw new TypeError('--attempts is a number');
const chosen = FLIPS.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) throw new TypeError(`--only is one of ${FLIPS.map(({ name }) => name).join(', ')}`);

const folder = mkdtempSync(join(tmpdir(), 'landward-races-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'flips');
const source = new URL('../test/fixtures/flips.c', import.meta.url).pathname;
const cc = spawnSync('cc', ['-std=gnu17', '-O1', '-pthread', '-o', program, source], { encoding: 'utf8' });
if (cc.status !== 0) throw new Error(`the attackers do not compile\n${cc.stderr}`);

let broken = false;
for (const flip of chosen) {
  const looking = await runFlip(flip, program, Math.min(attempts, 20_000), true);
  const outcome = await runFlip(flip, program, attempts);
  if (outcome.escaped > 0 || looking.escaped === 0) broken = true;
  const told = `${outcome.escaped} of ${attempts} escaped (${outcome.passed} passed, ${outcome.refused} refused)`;
  console.log(`${flip.name}: ${told}; only looking: ${looking.escaped} of ${Math.min(attempts, 20_000)}`);
}
process.exitCode = broken ? 1 : 0;
