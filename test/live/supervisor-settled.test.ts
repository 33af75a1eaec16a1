/**
 * What the supervisor looks at once a run holds: a program whose root changes is looked at again, whichever thread changes
 * it, so that a name means what it means to the program and is decided as that.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { layer, path } from '../kit/rules.ts';
import { supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1, root: true, supervisor: true, tools: ['cc'] });

/** The same name in two roots: `/WORK/name` and `/WORK/inner/WORK/name`. */
function roots(t: Ending) {
  const work = temporaryDirectory(t);
  const inner = join(work, 'inner');
  const name = join(work, 'name');
  mkdirSync(join(inner, work), { recursive: true });
  writeFileSync(name, 'outer');
  writeFileSync(join(inner, name), 'inner');
  return { inner, name };
}

for (const groups of [
  ['open', 'credential'],
  ['open', 'find', 'credential'],
] as const satisfies NotifyGroup[][]) {
  test(`a changed root is looked at, asked for ${groups.join(', ')}`, NEEDS, async (t) => {
    const program = compiled(t, 'roots', 'test/fixtures/roots.c');
    const { inner, name } = roots(t);
    const seen = async (...denied: string[]) => {
      const rules = [path('allow', '/'), ...denied.map((one) => path('deny', one, ['fs.read_file'], true))];
      const result = await supervised({ layers: [layer(rules, 'grant', ['fs'])], groups }, [
        program,
        name,
        inner,
      ]);
      assert.deepEqual([result.defects, result.status], [[], 0], result.stderr);
      return result.stdout.trim().split('\n');
    };
    const lines = (outer: string, within: string) => [
      `before: ${outer}`,
      `again: ${outer}`,
      `in the child: ${within}`,
      `after the child: ${outer}`,
      `after the thread: ${within}`,
    ];
    assert.deepEqual(await seen(), lines('outer', 'inner'));
    assert.deepEqual(await seen(join(inner, name)), lines('outer', 'EACCES'));
    assert.deepEqual(await seen(name), lines('EACCES', 'inner'));
  });
}
