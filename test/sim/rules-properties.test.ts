/** Deciding on landward's rules: what must hold of all decisions, and a plain twin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideIndexed, decideRules, indexRules } from '../../packages/landward/src/model/decide-rules.ts';
import { compileGlob, matchGlob } from '../../packages/landward/src/model/glob.ts';
import { isBelow } from '../../packages/landward/src/model/paths.ts';
import type { Category, PathRule, Rule, Verdict } from '../../packages/landward/src/model/rules.ts';
import { layer, path, STRICT, WRITE } from '../kit/rules.ts';

const name = fc.constantFrom('a', 'b', '.e');
const paths = fc.array(name, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const globs = fc
  .array(fc.oneof(name, fc.constantFrom('*', '**', '.*', '?', '[ab]', '{a,.e}')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => `/${parts.join('/')}`);
const verdicts = fc.constantFrom<Verdict>('deny', 'hide', 'ask', 'allow', 'allow', 'allow');
const rightsets = fc.constantFrom<PathRule['rights']>(
  ['fs.read_file'],
  ['fs.write_file', 'meta.stat'],
  WRITE,
  ['fs.read_file', 'fs.execute', 'fs.read_dir'],
);
const rules = fc
  .tuple(verdicts, fc.oneof(paths, globs), rightsets, fc.boolean(), fc.boolean())
  .map(([verdict, pattern, rights, exact, all]) =>
    path(verdict, pattern, all && STRICT[verdict] < 2 ? [] : rights, exact),
  );
const layers = fc.array(
  fc
    .tuple(fc.array(rules, { maxLength: 6 }), fc.constantFrom<readonly Category[]>(['fs'], ['fs'], []))
    .map(([list, categories]) => layer(list, 'grant', categories)),
  { minLength: 1, maxLength: 3 },
);
const PROBED: PathRule['rights'] = [
  'fs.read_file',
  'fs.write_file',
  'fs.make_reg',
  'fs.remove_dir',
  'meta.stat',
  'fs.execute',
];
const requests = fc.oneof(
  fc.record({
    kind: fc.constant('path' as const),
    path: paths,
    rights: fc.subarray([...PROBED], { minLength: 1 }),
  }),
  fc.record({
    kind: fc.constant('refer' as const),
    from: paths,
    to: paths,
    operation: fc.constantFrom('rename' as const, 'link' as const, 'exchange' as const),
    directory: fc.boolean(),
  }),
);

/** The rule in its plainest words: no index, no states, every prefix tried. */
function plain(
  list: readonly PathRule[],
  listed: boolean,
  target: string,
  right: PathRule['rights'][number],
): Verdict {
  const depth = target === '/' ? 0 : target.split('/').length - 1;
  const ancestors = Array.from(
    { length: depth + 1 },
    (_, count) =>
      `/${target
        .split('/')
        .slice(1, count + 1)
        .join('/')}`,
  );
  const entry = /^fs\.(make_|remove_|refer)/.test(right);
  let best: { pins: number; literal: number; verdict: Verdict } | undefined;
  for (const rule of list) {
    if (!(rule.rights.includes(right) || rule.rights.length === 0)) continue;
    const closed = STRICT[rule.verdict] < 2;
    for (const [pins, ancestor] of ancestors.entries()) {
      const self = pins === depth;
      const { pattern } = rule;
      let covers: boolean;
      let literal = 1;
      let tree = pattern.kind === 'subtree';
      if (pattern.kind === 'glob') {
        const plainGlob = pattern.glob.replace(/(\/\*\*)+$/, '') || '/';
        tree = plainGlob !== pattern.glob;
        literal = /[*?[{]/.test(plainGlob) ? 0 : 1;
        covers = matchGlob(compileGlob(plainGlob), ancestor) && (self || tree || closed);
      } else {
        covers = tree ? ancestor === pattern.path : self && target === pattern.path;
      }
      if (!covers || (entry && self && tree && !closed)) continue;
      const order =
        best === undefined
          ? 1
          : pins - best.pins || literal - best.literal || STRICT[best.verdict] - STRICT[rule.verdict];
      if (order > 0) best = { pins, literal, verdict: rule.verdict };
    }
  }
  return best?.verdict ?? (listed && !right.startsWith('meta.') ? 'deny' : 'allow');
}

test('decisions agree with the rule in its plainest words', () => {
  fc.assert(
    fc.property(layers, paths, fc.subarray([...PROBED], { minLength: 1 }), (stack, target, rights) => {
      const expected = stack
        .flatMap((one) =>
          rights.map((right) => plain(one.rules as PathRule[], one.categories.includes('fs'), target, right)),
        )
        .reduce((a, b) => (STRICT[a] < STRICT[b] ? a : b));
      assert.equal(decideRules(stack, { kind: 'path', path: target, rights }).verdict, expected);
    }),
    { seed: 11, numRuns: 6000 },
  );
});

test('the order of rules never matters', () => {
  fc.assert(
    fc.property(layers, requests, fc.integer(), (stack, request, seed) => {
      const turn = (list: readonly Rule[]) => {
        const cut = list.length === 0 ? 0 : Math.abs(seed) % list.length;
        return [...list.slice(cut), ...list.slice(0, cut)].reverse();
      };
      const turned = stack.map((one) => ({ ...one, rules: turn(one.rules) }));
      assert.deepEqual(decideRules(turned, request), decideRules(stack, request));
    }),
    { seed: 12, numRuns: 3000 },
  );
});

test('a further layer never widens', () => {
  fc.assert(
    fc.property(layers, layers, requests, (stack, more, request) => {
      const before = decideRules(stack, request);
      const after = decideRules([...stack, ...more], request);
      assert.ok(STRICT[after.verdict] <= STRICT[before.verdict]);
      assert.ok(before.errno === 0 || after.errno !== 0);
    }),
    { seed: 13, numRuns: 3000 },
  );
});

test('a further deny never widens', () => {
  fc.assert(
    fc.property(layers, fc.oneof(paths, globs), requests, (stack, pattern, request) => {
      const denied = stack.map((one) => ({ ...one, rules: [...one.rules, path('deny', pattern, [])] }));
      assert.ok(STRICT[decideRules(denied, request).verdict] <= STRICT[decideRules(stack, request).verdict]);
    }),
    { seed: 14, numRuns: 3000 },
  );
});

test('what an allowed move carries along gains no right in its new place', () => {
  const tails = [
    '',
    '/a',
    '/b',
    '/.e',
    '/a/a',
    '/a/b',
    '/a/.e',
    '/b/a',
    '/.e/a',
    '/.e/.e',
    '/b/.e',
    '/a/b/.e',
  ];
  let allowed = 0;
  fc.assert(
    fc.property(layers, paths, paths, fc.boolean(), fc.boolean(), (stack, from, to, directory, exchange) => {
      fc.pre(from !== to && !isBelow(to, from) && !isBelow(from, to));
      const open = [...stack, layer([path('allow', '/', WRITE)], 'limit', [])];
      const index = indexRules(open);
      const operation = exchange ? 'exchange' : 'rename';
      if (decideIndexed(index, { kind: 'refer', operation, from, to, directory }).verdict !== 'allow') return;
      allowed++;
      const ways = exchange
        ? ([
            [from, to],
            [to, from],
          ] as const)
        : ([[from, to]] as const);
      for (const [source, target] of ways) {
        for (const tail of directory ? tails : ['']) {
          for (const right of ['fs.read_file', 'fs.write_file', 'meta.stat', 'fs.execute'] as const) {
            const at = (place: string) =>
              decideIndexed(index, { kind: 'path', path: place + tail, rights: [right] }).verdict;
            assert.ok(
              STRICT[at(target)] < 2 || STRICT[at(target)] <= STRICT[at(source)],
              `${right} ${source}${tail} -> ${target}${tail}`,
            );
          }
        }
      }
    }),
    { seed: 15, numRuns: 20_000 },
  );
  assert.ok(allowed > 500, `only ${allowed} moves were allowed`);
});
