import assert from 'node:assert/strict';
import test from 'node:test';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { FLIPS, type Flip, runFlip } from './flips.ts';

/** `npm run races` makes more of them. */
const ATTEMPTS = 20_000;
/** A decision without an act is nearly always broken by the first series; on a machine that is busy, by one of them. */
const CONTROLS = { attempts: 3000, series: 10 };

async function isBrokenByLooking(flip: Flip, program: string, by?: 'function'): Promise<boolean> {
  // While a function decides, more changes than while rules do.
  const attempts = by === undefined ? CONTROLS.attempts : CONTROLS.attempts / 10;
  for (let series = 0; series < CONTROLS.series; series++)
    if ((await runFlip(flip, program, attempts, true, by)).escaped > 0) return true;
  return false;
}

for (const flip of FLIPS)
  test(
    `flipping ${flip.name} leads to nothing that is denied`,
    needs({ abi: 5, tools: ['cc'] }),
    async (t) => {
      const program = compiled(t, 'flips', 'test/fixtures/flips.c');
      assert.ok(await isBrokenByLooking(flip, program), 'the supervisor that only looks held');
      const outcome = await runFlip(flip, program, ATTEMPTS);
      assert.equal(outcome.escaped, 0);
      if (outcome.ended) return;
      // Both sides of the flip were met, else nothing was tried.
      assert.ok(outcome.passed > 0 || flip.name === 'descriptor-ioctl', JSON.stringify(outcome));
      assert.ok(outcome.refused > 0, JSON.stringify(outcome));
    },
  );

/** What a function refuses, by paths and by what is opened, moved and removed. */
const ASKED = [
  'path-open',
  'path-link',
  'path-rename',
  'path-unlink',
  'symlink-component',
  'directory-rename',
];

for (const flip of FLIPS.filter(({ name }) => ASKED.includes(name)))
  test(
    `flipping ${flip.name} while a function decides leads to nothing that it refuses [R-002-6]`,
    needs({ abi: 5, tools: ['cc'] }),
    async (t) => {
      const program = compiled(t, 'flips', 'test/fixtures/flips.c');
      assert.ok(await isBrokenByLooking(flip, program, 'function'), 'the supervisor that only looks held');
      const outcome = await runFlip(flip, program, 800, false, 'function');
      assert.equal(outcome.escaped, 0);
      assert.ok(outcome.passed > 0, JSON.stringify(outcome));
      assert.ok(outcome.refused > 0, JSON.stringify(outcome));
    },
  );
