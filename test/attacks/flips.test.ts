import assert from 'node:assert/strict';
import test from 'node:test';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { FLIPS, type Flip, runFlip } from './flips.ts';

/** `npm run races` makes more of them. */
const ATTEMPTS = 20_000;
/** A decision without an act is nearly always broken by the first series; on a machine that is busy, by one of them. */
const CONTROLS = { attempts: 3000, series: 10 };

async function isBrokenByLooking(flip: Flip, program: string): Promise<boolean> {
  for (let series = 0; series < CONTROLS.series; series++)
    if ((await runFlip(flip, program, CONTROLS.attempts, true)).escaped > 0) return true;
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
