/** Strict rules where names have no case: held by nobody who goes by names. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../packages/landward/src/model/rules.ts';
import { compile, refuse } from '../../packages/landward/src/policy/compile.ts';
import type { Host, Plan } from '../../packages/landward/src/policy/plan.ts';
import type { Policy } from '../../packages/landward/src/policy/policy.ts';
import { type Entry, grant, memoryHost, pathRule, policyOf, READ, treeOf, WRITE } from '../kit/policies.ts';

/** `/fat` tells no case, `/ext` does, and has two files whose names differ in it alone. */
const TREE: Readonly<Record<string, Entry>> = {
  '/fat/project/secret': 'file',
  '/FAT': { link: '/fat' },
  '/fat/PROJECT': { same: '/fat/project' },
  '/fat/project/SECRET': { same: '/fat/project/secret' },
  '/ext/project/secret': 'file',
  '/ext/project/SECRET': 'file',
  '/ext/digits/1/2': 'file',
};

function planOf(rules: readonly Rule[], more: Partial<Policy> = {}, host: Partial<Host> = {}): Plan {
  return compile(
    policyOf([grant(...rules)], more),
    memoryHost(treeOf(TREE), 7, { supervisor: true, ...host }),
  );
}

const gapsOf = (plan: Plan) => plan.gaps.map(({ feature, open }) => `${feature}${open ? ' open' : ''}`);

test('a strict rule in a granted tree whose names have no case is an open gap', () => {
  for (const [verdict, feature] of [
    ['deny', 'fs.deny'],
    ['hide', 'fs.hide'],
  ] as const) {
    const rules = (top: string) => [
      pathRule('allow', `${top}/project`, READ),
      pathRule(verdict, `${top}/project/secret`, READ),
    ];
    const plan = planOf(rules('/fat'));
    assert.deepEqual(gapsOf(plan), [`${feature} open`]);
    assert.match(plan.gaps[0]!.lost, /'\/fat\/project\/secret' can be reached by a name in another case/);
    assert.throws(() => refuse(plan), /another case/);
    assert.ok(plan.supervisor!.closes.includes(feature), 'what is accepted is held as far as it goes');
    refuse(planOf(rules('/fat'), { require: { degrade: [feature] } }));
    const cased = planOf(rules('/ext'));
    assert.deepEqual([gapsOf(cased), cased.supervisor!.closes.includes(feature)], [[], true]);
  }
});

test('what no rule grants is the kernel’s to hold, in any case', () => {
  const rules = [
    pathRule('allow', '/ext', READ),
    pathRule('deny', '/ext/project/secret', READ),
    pathRule('deny', '/fat/project/secret', READ),
  ];
  assert.deepEqual(gapsOf(planOf(rules)), []);
});

test('patterns are asked where their fixed part ends, by the directory itself where names say nothing', () => {
  const rules = (path: string, glob: string) => [
    pathRule('allow', '/ext', READ),
    pathRule('deny', path, READ, { glob }),
  ];
  const digits = rules('/ext/digits/1', '/ext/digits/1/*.env');
  assert.deepEqual(gapsOf(planOf(digits)), []);
  const asked: string[] = [];
  const folds: Host['folds'] = (directories) => {
    asked.push(...directories);
    return directories.map((directory) => directory === '/ext/digits/1');
  };
  assert.deepEqual(gapsOf(planOf(digits, {}, { folds })), ['fs.glob open']);
  assert.deepEqual(asked, ['/', '/ext', '/ext/digits', '/ext/digits/1']);
  // A directory that is closed as a whole may fold what is in it.
  const whole = [pathRule('allow', '/ext', READ), pathRule('deny', '/ext/digits/1', READ)];
  assert.deepEqual(gapsOf(planOf(whole, {}, { folds })), []);
  assert.deepEqual(gapsOf(planOf([...whole, pathRule('deny', '/ext/digits/1/new', READ)], {}, { folds })), [
    'fs.deny open',
  ]);
});

test('what decides about the next start is not held by a name without a case', () => {
  const rules = [pathRule('allow', '/fat/project', [...READ, ...WRITE])];
  assert.deepEqual(gapsOf(planOf(rules, { protect: ['/fat/project/secret'] })), ['self open']);
  const cased = [pathRule('allow', '/ext/project', [...READ, ...WRITE])];
  assert.deepEqual(gapsOf(planOf(cased, { protect: ['/ext/project/secret'] })), []);
});
