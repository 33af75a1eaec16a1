/** Deciding on landward's rules: the precedence rule, layers, moves; examples and properties against a plain twin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import type { PathRule, Request, Rule, RuleLayer, Verdict } from '../../packages/landward/src/model/rules.ts';

let line = 0;
function path(
  verdict: Verdict,
  pattern: string,
  rights: PathRule['rights'] = ['fs.read_file'],
  exact = false,
): PathRule {
  return {
    kind: 'path',
    verdict,
    rights,
    enforce: 'any',
    missing: 'required',
    origin: { file: 'test', line: ++line, column: 1 },
    pattern: /[*?[{]/.test(pattern)
      ? { kind: 'glob', path: '/', glob: pattern }
      : { kind: exact ? 'exact' : 'subtree', path: pattern },
  };
}
function layer(rules: readonly Rule[], kind: RuleLayer['kind'] = 'grant'): RuleLayer {
  return { kind, name: kind, categories: ['fs', 'net', 'unix', 'process'], rules };
}
const read = (target: string): Request => ({ kind: 'path', path: target, rights: ['fs.read_file'] });

test('the rule that pins more wins', () => {
  const rules = [
    path('ask', '/h/**'),
    path('hide', '/h/.ssh', []),
    path('allow', '/h/.ssh/config'),
    path('deny', '/h/**/.env*', []),
  ];
  const verdict = (target: string) => decideRules([layer(rules)], read(target)).verdict;
  assert.equal(verdict('/h/x'), 'ask');
  assert.equal(verdict('/h/.ssh/id'), 'hide');
  assert.equal(verdict('/h/.ssh/config'), 'allow');
  assert.equal(verdict('/h/a/.env.d/x'), 'deny');
  assert.equal(verdict('/etc'), 'deny');
});
