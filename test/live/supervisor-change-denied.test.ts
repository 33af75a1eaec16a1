/**
 * What a policy denies of changes is what Landlock denies with the same rules: the same random series, once in a Landlock
 * domain of this kernel and once under the supervisor, gives the same errnos, in the kernel's order, and the same tree.
 */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { errnoName } from '../../packages/landward/src/uapi/errno.ts';
import { fsRights } from '../../packages/landward/src/uapi/masks.ts';
import { runChild } from '../kit/child.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { layer, path } from '../kit/rules.ts';
import { supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';
import { treeLines } from '../kit/tree.ts';

const GROUPS = ['create', 'remove', 'refer', 'truncate'] as const;
const STEPS = 1500;
/** The system calls of the series by the words that it tells. */
const CALLS: Readonly<Record<string, string>> = {
  mkdir: 'mkdirat',
  mknod: 'mknodat',
  symlink: 'symlinkat',
  unlink: 'unlinkat',
  rmdir: 'unlinkat',
  rename: 'renameat2',
  link: 'linkat',
  truncate: 'truncate',
};
/** All rights of Landlock ABI 5. */
const ALL = 0xffff;

/** Rights of the four directories: each lacks some, differently for each seed. */
function masks(seed: number): readonly number[] {
  return [0, 1, 2, 3].map((index) => {
    const bits = Math.imul(seed * 4 + index + 1, 0x9e3779b1) >>> 12;
    // The first directory allows everything, so that there is something to move and to remove.
    return index === 0 ? ALL : (bits | (bits >>> 3)) & ALL;
  });
}

function twin(t: Ending): string {
  const work = join(temporaryDirectory(t, 'twin'), 'work');
  for (const index of [0, 1, 2, 3]) mkdirSync(join(work, `r${index}`, 'a'), { recursive: true });
  return work;
}

function layerOf(work: string, rights: readonly number[]): RuleLayer {
  const rules = rights.map((mask, index) => path('allow', join(work, `r${index}`), fsRights(mask)));
  return layer(rules, 'grant', ['fs']);
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(
    `denied changes are those of Landlock, series ${seed}`,
    needs({ abi: 5, tools: ['cc'] }),
    async (t) => {
      const program = compiled(t, 'changes', 'test/fixtures/changes.c');
      const rights = masks(seed);
      const [one, other] = [twin(t), twin(t)];
      const argv = [program, `${seed}`, `${STEPS}`, 'keep'] as const;
      const rules = rights.map((mask, index) => `${mask.toString(16)}:r${index}`);
      const kernel = await runChild(argv[0], [...argv.slice(1), ...rules], { cwd: one });
      const result = await supervised({ layers: [layerOf(other, rights)], groups: GROUPS }, [...argv], {
        cwd: other,
      });
      assert.deepEqual(result.defects, []);
      assert.deepEqual([kernel.code, result.status], [0, 0], result.stderr);
      const [expected, got] = [kernel.stdout.split('\n'), result.stdout.split('\n')];
      const at = expected.findIndex((line, index) => line !== got[index]);
      const before = expected.slice(Math.max(0, at - 3), at).join('; ');
      assert.equal(
        at === -1 ? '' : got[at],
        at === -1 ? '' : expected[at],
        `${rules.join(' ')} after ${before}`,
      );
      const denied = expected.filter((line) => /= (EACCES|EXDEV)$/.test(line));
      assert.ok(denied.length > STEPS / 40, `${denied.length} denials`);
      // Denials that read alike are told once, so only the kinds can be compared.
      const kinds = denied.map((line) => `${CALLS[line.split(' ')[1]!]} ${line.split(' ').at(-1)}`);
      const told = result.events.map(({ operation, errno }) => `${operation} ${errnoName(errno!)}`);
      assert.deepEqual(new Set(told), new Set(kinds));
      assert.deepEqual(treeLines(other), treeLines(one));
    },
  );
}
