/**
 * Finding and opening under the supervisor is the kernel's: the same random series, run alone and supervised under a
 * policy that denies nothing, gives the same results, errnos and descriptors, and leaves the same tree.
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

/** With `find` every link is walked over in the supervisor; without, the kernel is asked first. */
const GROUPS = [['open'], ['open', 'find', 'list', 'execute']] as const;
const SEEDS = [11, 12];
const STEPS = 2500;

function twin(t: Ending, uid: number): string {
  const base = temporaryDirectory(t, 'twin');
  chmodSync(base, 0o755);
  // Deep enough that no path of the series leaves it.
  const work = join(base, 'up/up/work');
  mkdirSync(work, { recursive: true });
  chownSync(work, uid, uid);
  return work;
}

for (const [uid, groups] of [0, 1000].flatMap((id) => GROUPS.map((list) => [id, list] as const))) {
  test(
    `random openings give what they give alone, as uid ${uid}, asked for ${groups.join(', ')}`,
    needs({ abi: 1, root: true, supervisor: true, tools: ['cc', 'setpriv'] }),
    async (t) => {
      const program = compiled(t, 'opens', 'test/fixtures/opens.c');
      for (const seed of SEEDS) {
        const [one, other] = [twin(t, uid), twin(t, uid)];
        const argv = [program, `${seed}`, `${STEPS}`] as const;
        const user = uid === 0 ? [] : ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
        const alone = await runChild('setpriv', [...user, ...argv], { cwd: one });
        const result = await supervised({ layers: [], groups }, [...argv], { cwd: other, uid });
        assert.deepEqual(result.defects, []);
        assert.deepEqual([alone.code, result.status], [0, 0], result.stderr);
        const [expected, got] = [alone.stdout.split('\n'), result.stdout.split('\n')];
        const at = expected.findIndex((line, index) => line !== got[index]);
        assert.equal(
          at === -1 ? '' : got[at],
          at === -1 ? '' : expected[at],
          `seed ${seed}, after ${expected.slice(Math.max(0, at - 3), at).join('; ')}`,
        );
        assert.ok(expected.filter((line) => line.endsWith('= ok')).length > STEPS / 15);
        // One link is absolute.
        const tree = (work: string) => treeLines(work).map((line) => line.replace(work, '@'));
        assert.deepEqual(tree(other), tree(one));
      }
    },
  );
}
