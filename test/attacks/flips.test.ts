import assert from 'node:assert/strict';
import test from 'node:test';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { FLIPS, runFlip } from './flips.ts';

/** `npm run races` makes more of them. */
const ATTEMPTS = 20_000;
/** Enough that a decision without an act is broken for certain. */
const CONTROLS = 4000;

for (const flip of FLIPS)
  test(
    `flipping ${flip.name} leads to nothing that is denied`,
    needs({ abi: 5, tools: ['cc'] }),
    async (t) => {
      const program = compiled(t, 'flips', 'test/fixtures/flips.c');
      const looking = await runFlip(flip, program, CONTROLS, true);
      assert.ok(looking.escaped > 0, `the supervisor that only looks held: ${JSON.stringify(looking)}`);
      const outcome = await runFlip(flip, program, ATTEMPTS);
      assert.equal(outcome.escaped, 0);
      // Both sides of the flip were met, else nothing was tried.
      assert.ok(outcome.passed > 0 || flip.name === 'descriptor-ioctl', JSON.stringify(outcome));
      assert.ok(outcome.refused > 0, JSON.stringify(outcome));
    },
  );
