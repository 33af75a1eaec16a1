/**
 * A slice of the differential test: random cases on this kernel and on the model, errno by errno, and cases that once
 * differed. `npm run differential` runs as many as wanted.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, asTest, firstDifference, shrink } from '../differential/compare.ts';
import { generate } from '../differential/generate.ts';
import { build, missing, runOnKernel } from '../differential/kernel.ts';
import { ONCE_DIFFERED } from '../differential/once-differed.ts';
import { runningBehaviour } from '../differential/running.ts';

const skip = missing() ?? false;

test('model and kernel agree on every errno of random cases', { skip }, async () => {
  const behaviour = runningBehaviour(build());
  const cases = Array.from({ length: 300 }, (_, index) => generate(behaviour, 1_000_000 + index));
  const kernel = await runOnKernel(cases.map((one) => one.steps));
  let denied = 0;
  for (const [index, one] of cases.entries()) {
    const difference = firstDifference(one.steps, one.answers, kernel[index]!);
    if (difference !== null) {
      const small = await shrink(behaviour, one.steps);
      assert.fail(`seed ${one.seed}\n${asTest(small.steps, small.difference)}`);
    }
    denied += one.answers.filter((answer) => answer.decision?.allowed === false).length;
  }
  // A generator whose cases Landlock never refuses would prove nothing.
  assert.ok(denied > 1000, `only ${denied} operations were denied`);
});

test('model and kernel agree where they once differed', { skip }, async () => {
  const behaviour = runningBehaviour(build());
  const kernel = await runOnKernel(ONCE_DIFFERED.map((one) => one.steps));
  for (const [index, { steps, about }] of ONCE_DIFFERED.entries()) {
    const answers = ask(behaviour, steps);
    assert.ok(answers !== null, `${about}: a step makes no sense`);
    const difference = firstDifference(steps, answers, kernel[index]!);
    assert.equal(difference, null, `${about}: ${difference === null ? '' : asTest(steps, difference)}`);
  }
});
