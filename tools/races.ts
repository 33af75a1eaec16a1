/**
 * `npm run races -- [--attempts N] [--only NAME]`: the flip attacks against the supervisor, many times. Prints a line each;
 * ends with status 1 when one escaped, or when the supervisor that only looks was not broken.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FLIPS, type Outcome, runFlip } from '../test/attacks/flips.ts';
import { runSocketFlip, SOCKET_FLIPS } from '../test/attacks/sockets-flips.ts';

const { values } = parseArgs({
  options: { attempts: { type: 'string', default: '1000000' }, only: { type: 'string' } },
});
const attempts = Number(values.attempts);
if (!Number.isSafeInteger(attempts) || attempts < 1) throw new TypeError('--attempts is a number');

/** An attack, whichever program makes it. */
interface Race {
  readonly name: string;
  readonly attackers: string;
  run(program: string, attempts: number, control: boolean): Promise<Omit<Outcome, 'flips'>>;
}

const races: readonly Race[] = [
  ...FLIPS.map(
    (flip): Race => ({
      name: flip.name,
      attackers: 'flips',
      run: (program, count, control) => runFlip(flip, program, count, control),
    }),
  ),
  ...SOCKET_FLIPS.map(
    (name): Race => ({
      name,
      attackers: 'socket-flips',
      run: (program, count, control) => runSocketFlip(name, program, count, control),
    }),
  ),
];
const chosen = races.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) throw new TypeError(`--only is one of ${races.map(({ name }) => name).join(', ')}`);

const folder = mkdtempSync(join(tmpdir(), 'landward-races-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const compiled = new Map<string, string>();

function attackers(name: string): string {
  const found = compiled.get(name);
  if (found !== undefined) return found;
  const program = join(folder, name);
  const source = new URL(`../test/fixtures/${name}.c`, import.meta.url).pathname;
  const cc = spawnSync('cc', ['-std=gnu17', '-O1', '-pthread', '-o', program, source], { encoding: 'utf8' });
  if (cc.status !== 0) throw new Error(`the attackers do not compile\n${cc.stderr}`);
  compiled.set(name, program);
  return program;
}

let broken = false;
for (const race of chosen) {
  const program = attackers(race.attackers);
  const looking = await race.run(program, Math.min(attempts, 20_000), true);
  const outcome = await race.run(program, attempts, false);
  if (outcome.escaped > 0 || looking.escaped === 0) broken = true;
  const told = outcome.ended
    ? 'ended by the supervisor, none escaped'
    : `${outcome.escaped} of ${attempts} escaped (${outcome.passed} passed, ${outcome.refused} refused)`;
  console.log(`${race.name}: ${told}; only looking: ${looking.escaped} of ${Math.min(attempts, 20_000)}`);
}
process.exitCode = broken ? 1 : 0;
