/**
 * A program that restricts itself is denied the same changes whether the kernel or the supervisor answers its Landlock calls:
 * the same random series, with rules on directories that move, gives the same errnos and the same tree.
 */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { runChild } from '../kit/child.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';
import { treeLines } from '../kit/tree.ts';

const GROUPS = [
  'open',
  'create',
  'remove',
  'refer',
  'truncate',
  'opened',
  'landlock',
  'guard',
  'mount',
] as const;
const STEPS = 2000;
/** All rights of Landlock ABI 5. */
const ALL = 0xffff;

/** Rules for the four directories and for one in each that may move. */
function rules(seed: number): readonly string[] {
  return [0, 1, 2, 3].flatMap((index) => {
    const bits = Math.imul(seed * 4 + index + 1, 0x9e3779b1) >>> 12;
    const mask = index === 0 ? ALL : (bits | (bits >>> 3)) & ALL;
    const inner = mask >>> ((seed + index) % 9);
    return [`${mask.toString(16)}:r${index}`, ...(inner === 0 ? [] : [`${inner.toString(16)}:r${index}/a`])];
  });
}

function twin(t: Ending): string {
  const work = join(temporaryDirectory(t, 'twin'), 'work');
  for (const index of [0, 1, 2, 3]) mkdirSync(join(work, `r${index}`, 'a'), { recursive: true });
  return work;
}

for (const seed of [1, 2, 3, 4]) {
  const skip = needs({ abi: 5, tools: ['cc'] });
  test(`the supervisor's Landlock denies what the kernel's denies, series ${seed}`, skip, async (t) => {
    const program = compiled(t, 'changes', 'test/fixtures/changes.c');
    const [one, other] = [twin(t), twin(t)];
    const argv = [program, `${seed}`, `${STEPS}`, 'keep-open', ...rules(seed)] as const;
    const kernel = await runChild(argv[0], argv.slice(1), { cwd: one });
    const result = await supervised(
      { layers: [], landlock: { abi: 7, errata: 0 }, groups: GROUPS },
      [...argv],
      { cwd: other },
    );
    assert.deepEqual(result.defects, []);
    assert.deepEqual([kernel.code, result.status], [0, 0], result.stderr);
    const [expected, got] = [kernel.stdout.split('\n'), result.stdout.split('\n')];
    const at = expected.findIndex((line, index) => line !== got[index]);
    const before = expected.slice(Math.max(0, at - 3), at).join('; ');
    assert.equal(
      at === -1 ? '' : got[at],
      at === -1 ? '' : expected[at],
      `${rules(seed).join(' ')} after ${before}`,
    );
    const denied = expected.filter((line) => /= (EACCES|EXDEV)$/.test(line)).length;
    assert.ok(denied > STEPS / 40, `${denied} denials`);
    assert.deepEqual(treeLines(other), treeLines(one));
  });
}
