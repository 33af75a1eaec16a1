/**
 * Changes of files and names under the supervisor are those of the kernel: the same random series, run alone and
 * supervised under a policy that denies nothing, gives the same errnos and leaves the same tree.
 */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { runChild } from '../kit/child.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';
import { treeLines } from '../kit/tree.ts';

const GROUPS = ['create', 'remove', 'refer', 'truncate', 'opened', 'metadata'] as const;
const SEEDS = [1, 2, 3];
const STEPS = 2500;

function twin(t: Ending, uid: number): string {
  const base = temporaryDirectory(t, 'twin');
  chmodSync(base, 0o755);
  const work = join(base, 'work');
  mkdirSync(work);
  chownSync(work, uid, uid);
  return work;
}

for (const uid of [0, 1000]) {
  test(
    `random changes give what they give alone, as uid ${uid}`,
    needs({ abi: 1, root: true, tools: ['cc', 'setpriv'] }),
    async (t) => {
      const program = compiled(t, 'changes', 'test/fixtures/changes.c');
      for (const seed of SEEDS) {
        const [one, other] = [twin(t, uid), twin(t, uid)];
        const argv = [program, `${seed}`, `${STEPS}`] as const;
        const user = uid === 0 ? [] : ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
        const alone = await runChild('setpriv', [...user, ...argv], { cwd: one });
        const result = await supervised({ layers: [], groups: GROUPS }, [...argv], { cwd: other, uid });
        assert.deepEqual(result.defects, []);
        assert.deepEqual([alone.code, result.status], [0, 0], result.stderr);
        const [expected, got] = [alone.stdout.split('\n'), result.stdout.split('\n')];
        const at = expected.findIndex((line, index) => line !== got[index]);
        assert.equal(
          at === -1 ? '' : got[at],
          at === -1 ? '' : expected[at],
          `seed ${seed}, after ${expected.slice(Math.max(0, at - 3), at).join('; ')}`,
        );
        assert.ok(expected.filter((line) => line.endsWith('= ok')).length > STEPS / 20);
        assert.deepEqual(treeLines(other), treeLines(one));
      }
    },
  );
}
