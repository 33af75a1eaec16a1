import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { root } from '../kit/needs.ts';
import { COVERAGE } from './coverage.ts';
import { environmentAttacks } from './environment.ts';
import { fileAttacks } from './files.ts';
import { processAttacks } from './processes.ts';
import { socketAttacks } from './sockets.ts';

const tables = [...fileAttacks, ...processAttacks, ...socketAttacks, ...environmentAttacks];

/** Numbers of the cases that are tests of their own: the number opens the test's name. */
const written = globSync('test/attacks/*.test.ts', { cwd: root })
  .flatMap((file) => [...readFileSync(join(root, file), 'utf8').matchAll(/test\(\s*['"`](\d+) /g)])
  .map((match) => Number(match[1]));
const cases = new Set([...tables.map(({ id }) => id), ...written]);

test('every class from 1 to 39 has a statement', () => {
  assert.deepEqual(
    Object.keys(COVERAGE).map(Number),
    Array.from({ length: 39 }, (_, index) => index + 1),
  );
});

for (const [number, coverage] of Object.entries(COVERAGE)) {
  if (coverage.state === 'run')
    test(`class ${number} is run: ${coverage.what}`, () => {
      assert.ok(cases.has(Number(number)), 'no case has this number');
    });
  else if (coverage.state === 'elsewhere')
    test(`class ${number} is proven elsewhere: ${coverage.what}`, () => {
      assert.ok(existsSync(join(root, coverage.where)), `${coverage.where} does not exist`);
    });
  else
    test(`class ${number}: ${coverage.what}`, {
      skip: `not held by the kernel alone: ${coverage.why}`,
    }, () => {
      assert.fail('skipped');
    });
}

test('no two cases have the same number and name', () => {
  const names = tables.map(({ id, name }) => `${id} ${name}`);
  assert.equal(new Set(names).size, names.length);
});
