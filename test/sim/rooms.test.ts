import assert from 'node:assert/strict';
import test from 'node:test';
import { findBreaches, importsOf, roomBreaches, textBreaches } from '../../tools/rooms.ts';

const owned = '/** Owns nothing. */\n';
const breach = (path: string, code: string) => roomBreaches(path, owned + code).map(({ what }) => what);

test('the tree keeps its rooms', () => {
  assert.deepEqual(findBreaches(), []);
});

test('imports are found in every form', () => {
  const text = [
    "import a from './a.ts';",
    "import type { B } from './b.ts';",
    "export * from './c.ts';",
    'import {',
    '  d,',
    "} from './d.ts';",
    "import './e.ts';",
    "const f = await import('./f.ts');",
    "/* import g from './g.ts'; */",
  ].join('\n');
  assert.deepEqual(
    importsOf(text).map(({ specifier, typeOnly }) => [specifier, typeOnly]),
    [
      ['./a.ts', false],
      ['./b.ts', true],
      ['./c.ts', false],
      ['./d.ts', false],
      ['./e.ts', false],
      ['./f.ts', false],
    ],
  );
});

test('an arrow against the order is a breach, along it is none', () => {
  assert.equal(breach('model/x.ts', "import { a } from '../policy/a.ts';").length, 1);
  assert.equal(breach('uapi/x.ts', "import { a } from '../model/a.ts';").length, 1);
  assert.equal(breach('kernel/x.ts', "import { a } from '../launch/a.ts';").length, 1);
  assert.equal(breach('launch/x.ts', "import { a } from '../cli/a.ts';").length, 1);
  assert.equal(breach('index.ts', "export { a } from './cli/a.ts';").length, 1);
  assert.deepEqual(breach('policy/x.ts', "import { a } from '../model/a.ts';"), []);
  assert.deepEqual(breach('launch/x.ts', "import { a } from '../policy/a.ts';"), []);
  assert.deepEqual(breach('uapi/x.ts', "import { bug } from '../errors.ts';"), []);
});

test('kernel takes only types from policy', () => {
  assert.deepEqual(breach('kernel/x.ts', "import type { Host } from '../policy/plan.ts';"), []);
  assert.equal(breach('kernel/x.ts', "import { FEATURES } from '../policy/features.ts';").length, 1);
});

test('a pure room imports no module of Node, and no room an unknown package', () => {
  assert.equal(breach('model/x.ts', "import { join } from 'node:path';").length, 1);
  assert.equal(breach('policy/x.ts', "const fs = await import('node:fs');").length, 1);
  assert.deepEqual(breach('kernel/x.ts', "import { join } from 'node:path';"), []);
  assert.equal(breach('cli/x.ts', "import yargs from 'yargs';").length, 1);
});

test('a file says what it owns, stays short, has a name and hides no host', () => {
  assert.equal(roomBreaches('model/x.ts', 'export const a = 1;\n').length, 1);
  assert.equal(textBreaches('packages/landward/src/a.ts', 'x\n'.repeat(251)).length, 1);
  assert.deepEqual(textBreaches('packages/landward/src/a.ts', 'x\n'.repeat(250)), []);
  assert.deepEqual(textBreaches('packages/landward/src/a.ts', `// Generated\n${'x\n'.repeat(900)}`), []);
  assert.equal(textBreaches('packages/landward/src/model/utils.ts', '').length, 1);
  const host = ['registry', 'npmjs', 'org'].join('.');
  assert.equal(textBreaches('docs/a.md', `get it from ${host}\n`).length, 1);
});
