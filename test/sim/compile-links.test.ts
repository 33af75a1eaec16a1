/** Grants that symbolic links lead out of trees which others fill: the project, and what the policy lets programs write. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyErrors } from '../../packages/landward/src/errors.ts';
import type { PathRule } from '../../packages/landward/src/model/rules.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import type { Policy } from '../../packages/landward/src/policy/policy.ts';
import {
  grant,
  memoryHost,
  pathRule as optionalRule,
  policyOf,
  READ,
  treeOf,
  WRITE,
} from '../kit/policies.ts';

const TREE = treeOf({
  '/home/u/.ssh/id': 'file',
  '/home/u/p/src': 'dir',
  '/home/u/p/dist': { link: '/home/u/.ssh' },
  '/home/u/p/near': { link: '/home/u/p/src' },
  '/home/u/alias': { link: '/home/u/p' },
  '/home/u/bin': { link: '/opt/bin' },
  '/opt/bin': 'dir',
});
const host = memoryHost(TREE, 7);
const pathRule = (...[verdict, path, rights]: Parameters<typeof optionalRule>) =>
  optionalRule(verdict, path, rights, { missing: 'required' });

const granted = (rules: readonly PathRule[], foreign?: readonly string[]) => {
  const more: Partial<Policy> = foreign === undefined ? {} : { foreign };
  const { ruleset } = compile(policyOf([grant(...rules)], more), host);
  return ruleset!.paths.map(({ path }) => path);
};
const optional = (path: string): PathRule => optionalRule('allow', path, READ);
const refused = (rules: readonly PathRule[], foreign?: readonly string[]) =>
  assert.throws(
    () => granted(rules, foreign),
    (error) => error instanceof PolicyErrors && /leads to '\/home\/u\/\.ssh', outside/.test(error.message),
  );

test('a link of the project does not lead a grant out of it', () => {
  refused([pathRule('allow', '/home/u/p/dist', READ)], ['/home/u/p']);
  refused([pathRule('allow', '/home/u/p/dist', WRITE)], ['/home/u/p']);
  assert.deepEqual(granted([optional('/home/u/p/dist'), optional('/opt')], ['/home/u/p']), ['/opt']);
});

test('a tree in which programs may make links is one too, also by another name of it', () => {
  refused([pathRule('allow', '/home/u/p', WRITE), pathRule('allow', '/home/u/p/dist', READ)]);
  refused([pathRule('allow', '/home/u/alias', WRITE), pathRule('allow', '/home/u/alias/dist', READ)]);
});

test('links that stay inside, or that the person made elsewhere, are followed', () => {
  assert.deepEqual(granted([pathRule('allow', '/home/u/p/near', READ)], ['/home/u/p']), ['/home/u/p/src']);
  assert.deepEqual(granted([pathRule('allow', '/home/u/bin', READ)], ['/home/u/p']), ['/opt/bin']);
});

test('a link may lead to what the policy grants by its own name as well, and no further', () => {
  const named = pathRule('allow', '/home/u/.ssh', READ);
  assert.deepEqual(granted([pathRule('allow', '/home/u/p/dist', READ), named], ['/home/u/p']), [
    '/home/u/.ssh',
  ]);
  refused([pathRule('allow', '/home/u/p/dist', WRITE), named], ['/home/u/p']);
});

test('what a link would have granted is denied by the rules of the plan too', () => {
  const policy = policyOf([grant(optional('/home/u/p/dist'))], { foreign: ['/home/u/p'] });
  const [layer] = compile(policy, host).layers;
  assert.deepEqual(
    layer!.rules.map((rule) => rule.kind === 'path' && rule.pattern.path),
    ['/home/u/p/dist'],
  );
});
