/**
 * Fixed cases that the model and the running kernel are both asked: what is guarded like ptrace, death signals, mounts by
 * newer calls, queues, handles, io_uring, /proc, exec, threads.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, asTest, firstDifference, NOT_HERE } from '../differential/compare.ts';
import { build, missing, runOnKernel } from '../differential/kernel.ts';
import { rareCases } from '../differential/rare-cases.ts';
import { runningBehaviour } from '../differential/running.ts';

const absent = missing();

if (absent !== null) test('model and kernel agree on rare steps', { skip: absent }, () => {});
else {
  const behaviour = runningBehaviour(build());
  for (const { about, abi = 1, steps } of rareCases(behaviour)) {
    const skip = behaviour.abi < abi ? `needs Landlock ABI ${abi}, this kernel has ${behaviour.abi}` : false;
    test(about, { skip }, async (t) => {
      const answers = ask(behaviour, steps);
      assert.ok(answers !== null, 'a step makes no sense');
      const [kernel] = await runOnKernel([steps]);
      const difference = firstDifference(steps, answers, kernel!);
      assert.equal(difference, null, difference === null ? '' : asTest(steps, difference));
      if (kernel!.includes(NOT_HERE)) t.skip('this kernel was built without a call of the case');
    });
  }
}
