import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeFilter } from '../../packages/landward/src/filter/compose.ts';
import { DEFAULT_FILTER, type FilterSpec } from '../../packages/landward/src/filter/spec.ts';
import { decideRules, indexRules } from '../../packages/landward/src/model/decide-rules.ts';
import { Decided } from '../../packages/landward/src/supervisor/decided.ts';
import type { Run } from '../../packages/landward/src/supervisor/run.ts';
import { isSettled } from '../../packages/landward/src/supervisor/target/settled.ts';
import { layer, path } from '../kit/rules.ts';

for (const arch of ['x86_64', 'aarch64'] as const) {
  const settled = (spec: Partial<FilterSpec>) =>
    isSettled({ arch, filter: composeFilter({ ...DEFAULT_FILTER, arch, ...spec }) });

  test(`a filter settles root and user namespace only where it refuses or tells of every way out, ${arch}`, () => {
    assert.equal(settled({ notify: ['open', 'credential'] }), true);
    assert.equal(settled({ notify: ['open', 'find', 'credential', 'guard'] }), true);
    assert.equal(settled({ notify: ['open'], syscalls: ['chroot', 'fchroot'] }), true);
    assert.equal(settled({ notify: ['open'] }), false);
    assert.equal(settled({ notify: ['open'], syscalls: ['chroot'] }), false);
    assert.equal(settled({ notify: ['open', 'credential'], namespaces: 'allow' }), false);
    assert.equal(isSettled({ arch, filter: null }), false);
  });
}

test('decisions that are kept are those of the model', () => {
  const layers = [
    layer([path('allow', '/a'), path('deny', '/a/secret'), path('deny', '/**/.env')], 'grant', ['fs']),
  ];
  const decided = new Decided({ index: indexRules(layers) } as Run);
  const paths = [
    '/a/x',
    '/a/secret/y',
    '/a/b/.env',
    '/b',
    ...Array.from({ length: 6000 }, (_, i) => `/a/${i}`),
  ];
  for (const round of [1, 2])
    for (const one of paths)
      for (const right of ['fs.read_file', 'fs.write_file'] as const) {
        const request = { kind: 'path', path: one, rights: [right] } as const;
        assert.deepEqual(decided.decide(request), decideRules(layers, request), `${round} ${one} ${right}`);
      }
});
