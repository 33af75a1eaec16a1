/** Globs and paths: examples, a naive backtracking oracle, and text made to hurt. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import { compileGlob, matchGlob } from '../../packages/landward/src/model/glob.ts';
import { expandBraces } from '../../packages/landward/src/model/glob-braces.ts';
import { compileSegment, matchSegment } from '../../packages/landward/src/model/glob-segment.ts';
import {
  components,
  isBelow,
  isNormal,
  normalise,
  parentOf,
  prefixes,
} from '../../packages/landward/src/model/paths.ts';

const RUNS = { seed: 20_261_122, numRuns: 3000 };

test('globs match as documented', () => {
  const cases: [glob: string, path: string, expected: boolean][] = [
    ['/p/**/.env*', '/p/.env', true],
    ['/p/**/.env*', '/p/a/b/.env.local', true],
    ['/p/**/.env*', '/p/a/env', false],
    ['/p/**/.env*', '/q/.env', false],
    ['/p/**', '/p', true],
    ['/p/**', '/p/a/b', true],
    ['/p/**', '/pa', false],
    ['/p/*', '/p/.hidden', true],
    ['/p/*', '/p/a/b', false],
    ['/p/?', '/p/é', true],
    ['/p/?', '/p/😀', true],
    ['/p/?', '/p/ab', false],
    ['/p/[a-c]x', '/p/bx', true],
    ['/p/[!a-c]x', '/p/bx', false],
    ['/p/[^a-c]x', '/p/dx', true],
    ['/p/[]]', '/p/]', true],
    ['/p/[a\\-c]', '/p/b', false],
    ['/p/[a\\-c]', '/p/-', true],
    ['/p/\\*', '/p/*', true],
    ['/p/\\*', '/p/a', false],
    ['/{a,b/{c,d}}/x', '/b/d/x', true],
    ['/{a,b/{c,d}}/x', '/b/x', false],
    ['/a**b', '/axxb', true],
    ['/a**b', '/ax/xb', false],
    ['/**/**/x', '/x', true],
    ['/', '/', true],
    ['/', '/a', false],
    ['/**', '/', true],
  ];
  for (const [glob, path, expected] of cases) {
    assert.equal(matchGlob(compileGlob(glob), path), expected, `${glob} on ${path}`);
  }
});

test('a broken or exploding glob is an error that quotes it', () => {
  const broken = [
    'a/b',
    '/a{b',
    '/a}b',
    '/a[b',
    '/a/[b/c]',
    '/a\\',
    '/a//b',
    '/a/../b',
    '/a/.',
    '/[z-a]',
    '/\0',
  ];
  broken.push(
    '/{1,2,3,4,5,6,7,8}'.repeat(4),
    `/${'{a,'.repeat(40)}x${'}'.repeat(40)}`,
    `/${'a'.repeat(5000)}`,
  );
  for (const glob of broken) {
    assert.throws(
      () => compileGlob(glob),
      (error) => error instanceof LandwardError && error.code === 'POLICY_INVALID' && error.part === glob,
      glob.slice(0, 40),
    );
  }
});

test('braces expand in order, without duplicates', () => {
  assert.deepEqual(expandBraces('/a/{b,c{d,e},b}'), ['/a/b', '/a/cd', '/a/ce']);
  assert.deepEqual(expandBraces('/a/{,x}'), ['/a/', '/a/x']);
  assert.deepEqual(expandBraces('/a\\{b[{]'), ['/a\\{b[{]']);
});

/** The plainest possible matcher: tries everything. */
function naive(glob: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return path.length === 0;
  if (first === '**') return naive(rest, path) || (path.length > 0 && naive(glob, path.slice(1)));
  return path.length > 0 && naiveName([...first], [...path[0]!]) && naive(rest, path.slice(1));
}

function naiveName(glob: readonly string[], name: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return name.length === 0;
  if (first === '*') return naiveName(rest, name) || (name.length > 0 && naiveName(glob, name.slice(1)));
  return name.length > 0 && (first === '?' || first === name[0]) && naiveName(rest, name.slice(1));
}

const names = fc
  .string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 4 })
  .filter((name) => !/^\.\.?$/.test(name));
const patterns = fc.oneof(
  { weight: 1, arbitrary: fc.constant('**') },
  {
    weight: 3,
    arbitrary: fc
      .string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), minLength: 1, maxLength: 4 })
      .filter((name) => !/^(\.\.?|\*\*+)$/.test(name)),
  },
);

test('globs agree with a matcher that tries everything', () => {
  fc.assert(
    fc.property(fc.array(patterns, { maxLength: 5 }), fc.array(names, { maxLength: 6 }), (glob, path) => {
      const text = `/${glob.join('/')}`;
      assert.equal(
        matchGlob(compileGlob(text), `/${path.join('/')}`),
        naive(glob, path),
        `${text} on /${path.join('/')}`,
      );
    }),
    RUNS,
  );
});

test('braces agree with the union of their readings', () => {
  fc.assert(
    fc.property(fc.array(names, { minLength: 1, maxLength: 4 }), names, names, (readings, head, name) => {
      const glob = compileGlob(`/${head}/{${readings.join(',')}}*`);
      const union = readings.some((reading) =>
        matchGlob(compileGlob(`/${head}/${reading}*`), `/${head}/${name}`),
      );
      assert.equal(matchGlob(glob, `/${head}/${name}`), union);
    }),
    RUNS,
  );
});

test('text made to hurt costs no more than text times pattern', () => {
  const segment = compileSegment(`${'*a'.repeat(60)}b`);
  assert.equal(matchSegment(segment, 'a'.repeat(255)), false);
  const deep = compileGlob(`/${'**/a/'.repeat(60)}b`);
  assert.equal(matchGlob(deep, `/${'a/'.repeat(200)}c`), false);
});

test('paths take the normal form and keep it', () => {
  assert.equal(normalise('/a//b/./../c/'), '/a/c');
  assert.equal(normalise('/../..'), '/');
  assert.throws(() => normalise('a'), LandwardError);
  assert.throws(() => normalise('/a\0'), LandwardError);
  assert.throws(() => normalise(`/${'a'.repeat(70_000)}`), LandwardError);
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', '.', '..', ''), { maxLength: 8 }), (parts) => {
      const path = normalise(`/${parts.join('/')}`);
      assert.equal(normalise(path), path);
      assert.equal(isNormal(path), true);
      assert.equal(isNormal(`/${parts.join('/')}`), `/${parts.join('/')}` === path);
      assert.equal(`/${components(path).join('/')}`, path);
      assert.equal(prefixes(path).length, components(path).length + 1);
      assert.ok(prefixes(path).every((prefix) => isBelow(path, prefix)));
      assert.ok(isBelow(path, parentOf(path)));
    }),
    { seed: 1, numRuns: 500 },
  );
  assert.equal(isBelow('/ab', '/a'), false);
});
