/** What protects landward's own time limit from the program that it is for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ScopeRule } from '../../packages/landward/src/model/rules.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import { refuse } from '../../packages/landward/src/policy/compile-refuse.ts';
import { anywhere, grant, memoryHost, policyOf, treeOf } from '../kit/policies.ts';

const open: ScopeRule = {
  kind: 'scope',
  scope: 'scope.signal',
  verdict: 'allow',
  enforce: 'any',
  origin: anywhere(),
};
const gapsOf = (rules: readonly ScopeRule[], abi: number, limits: { timeMs?: number }) =>
  compile(policyOf([grant(...rules)], { limits }), memoryHost(treeOf({ '/p': 'dir' }), abi))
    .gaps.filter(({ feature }) => feature === 'self')
    .map(({ lost }) => lost);

test('a time limit that the program could end by a signal to landward is a gap', () => {
  assert.match(gapsOf([open], 7, { timeMs: 1000 })[0]!, /counts the time limit/);
  assert.match(gapsOf([], 5, { timeMs: 1000 })[0]!, /counts the time limit/);
  const plan = compile(policyOf([grant(open)], { limits: { timeMs: 1 } }), memoryHost(treeOf({}), 7));
  assert.throws(() => refuse(plan), /self/);
});

test('where the signal scope is on, or nobody counts, it is none', () => {
  assert.deepEqual(gapsOf([], 7, { timeMs: 1000 }), []);
  assert.deepEqual(gapsOf([open], 7, {}), []);
});
