import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { callsPage } from '../../tools/calls-page.ts';
import { errorsPage } from '../../tools/errors-page.ts';
import { root } from '../kit/needs.ts';
import { blocksOf, matches } from '../kit/page.ts';

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...globSync('docs/*.md', { cwd: root }),
];

test('the page of errors is what the table of codes says', () => {
  assert.equal(readFileSync(join(root, 'docs/errors.md'), 'utf8'), errorsPage());
});

test('the table of calls is what the handlers say', () => {
  const page = readFileSync(join(root, 'docs/supervisor.md'), 'utf8');
  assert.equal(page, callsPage(page));
});

test('the table of commands has every command', () => {
  const page = readFileSync(join(root, 'docs/cli.md'), 'utf8');
  const commands = (file: string) => {
    const text = readFileSync(join(root, 'packages/landward/src/cli', file), 'utf8');
    return [...text.matchAll(/^ {2}([a-z]+): (?:\(\) => import\(|\{(?: load: \(|$))/gm)].map(
      ([, name]) => name!,
    );
  };
  const [main, policy] = [commands('main.ts'), commands('policy.ts')];
  assert.ok(main.includes('run') && policy.includes('lint'));
  const rows = page.split('\n').flatMap((line) => (line.startsWith('| ') ? [line.split('|')[1]!] : []));
  const missing = [
    ...main.filter((name) => name !== 'policy'),
    ...policy.map((name) => `policy ${name}`),
  ].filter((name) => !rows.some((row) => new RegExp(`\`${name}[ \`]`).test(row)));
  assert.deepEqual(missing, []);
});

test('every link between pages leads to a file', () => {
  const broken: string[] = [];
  for (const page of pages)
    for (const [, link] of readFileSync(join(root, page), 'utf8').matchAll(
      /\]\((?!https?:|#|mailto:)([^)#\s]+)/g,
    ))
      if (!existsSync(join(root, dirname(page), link!))) broken.push(`${page}: ${link}`);
  assert.deepEqual(broken, []);
});

test('every page of docs is linked from the README or from another page', () => {
  const all = pages.map((page) => readFileSync(join(root, page), 'utf8')).join('\n');
  const lost = globSync('docs/*.md', { cwd: root }).filter(
    (page) => !all.includes(page.slice('docs/'.length)),
  );
  assert.deepEqual(lost, []);
});

test('blocks are found by what stands behind the fence', () => {
  const blocks = blocksOf(
    [
      '```toml file=a.toml',
      'x = 1',
      '```',
      '```console run',
      '$ a',
      'out',
      '[exit 3]',
      '$ b',
      '```',
      '```sh',
      'no',
      '```',
    ].join('\n'),
  );
  assert.deepEqual(
    blocks.map(({ kind }) => kind),
    ['file', 'console'],
  );
  assert.deepEqual(blocks[1]!.kind === 'console' ? blocks[1]!.commands : [], [
    { line: 5, text: 'a', output: 'out', status: 3 },
    { line: 8, text: 'b', output: '', status: 0 },
  ]);
  assert.throws(() => blocksOf('```console runs\n```'));
});

test('a promise matches its text and no other', () => {
  assert.ok(matches('a … c\nd', 'a b c\nd\n'));
  assert.ok(matches('a\n…\nd', 'a\nb\nc\nd'));
  assert.ok(!matches('a', 'a\nb'));
  assert.ok(!matches('a.c', 'abc'));
});
