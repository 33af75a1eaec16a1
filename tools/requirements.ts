/**
 * docs/requirements.md: each row of the design discussions with the tests that show it, and where.
 *
 * A test shows a row by naming it at the end of its title: `both may refuse [R-000-3]`. A row that user space, a supervisor or
 * the model can show and that no test names is an error, as are rows that do not exist, and a row for a page whose heading
 * is missing.
 *
 *     node tools/requirements.ts            writes the page
 *     node tools/requirements.ts --check    fails where the page differs, or a row is shown by nothing
 */

import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { IDENTITY_ROWS } from './requirements/identity.ts';
import { LAYER_ROWS } from './requirements/layers.ts';
import { PROGRAM_ROWS } from './requirements/programs.ts';
import type { Row, Rows } from './requirements/row.ts';
import { SOCKET_ROWS } from './requirements/sockets.ts';

const root = resolve(import.meta.dirname, '..');
const page = join(root, 'docs/requirements.md');

const PARTS = {
  'Whose credential decides on a socket': SOCKET_ROWS,
  'Layers that may change': LAYER_ROWS,
  'Policy programs': PROGRAM_ROWS,
  'Naming a domain': IDENTITY_ROWS,
} as const satisfies Record<string, Rows>;

/** All rows by their numbers. */
export const ROWS: Rows = Object.assign({}, ...Object.values(PARTS));

/** The rows that a title names: `... [R-000-1, R-000-2]`. */
export function rowsNamed(title: string): readonly string[] {
  const found = /\[(R-\d{3}-\d+(?:, R-\d{3}-\d+)*)\]/.exec(title);
  return found === null ? [] : found[1]!.split(', ');
}

/** A test that names rows. */
interface Shown {
  readonly title: string;
  readonly file: string;
}

const TITLE = /(['"`])((?:(?!\1)[^\n\\]|\\.)*\[R-\d{3}-\d+(?:, R-\d{3}-\d+)*\](?:(?!\1)[^\n\\]|\\.)*)\1/g;

function shownBy(): ReadonlyMap<string, readonly Shown[]> {
  const shown = new Map<string, Shown[]>();
  for (const file of globSync('test/{sim,live,attacks}/**/*.test.ts', { cwd: root }).sort())
    for (const [, , title] of readFileSync(join(root, file), 'utf8').matchAll(TITLE))
      for (const row of rowsNamed(title!))
        shown.set(row, [...(shown.get(row) ?? []), { title: title!, file }]);
  return shown;
}

/** Whether a row has to be shown by a test. */
export function needsTest({ tags }: Row): boolean {
  return tags.some((tag) => tag === 'U' || tag === 'B' || tag === 'model');
}

/** What is wrong: rows without a test, unknown rows, pages without their heading. */
export function problems(): readonly string[] {
  const shown = shownBy();
  const found = [...shown].flatMap(([row, tests]) =>
    row in ROWS ? [] : [`${tests[0]!.file}: there is no row ${row}`],
  );
  for (const [id, row] of Object.entries(ROWS)) {
    if (needsTest(row) && !shown.has(id)) found.push(`${id} is shown by no test: ${row.what}`);
    if (row.page !== undefined && !hasHeading(row.page))
      found.push(`${id}: ${row.page.file} has no heading '${row.page.heading}'`);
  }
  return found;
}

function hasHeading({ file, heading }: NonNullable<Row['page']>): boolean {
  const path = join(root, file);
  return existsSync(path) && headings(readFileSync(path, 'utf8')).includes(heading);
}

function headings(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, words]) => words!);
}

/** Where a row is shown: on real processes, in the model only, or by a page. */
function stateOf(row: Row, tests: readonly Shown[]): string {
  if (tests.some(({ file }) => !file.startsWith('test/sim/'))) return 'live';
  if (tests.length > 0) return 'model';
  return row.page === undefined ? 'not shown' : 'page';
}

function line(id: string, row: Row, tests: readonly Shown[]): string {
  const files = [...new Set(tests.map(({ file }) => file))].map((file) => {
    const titles = tests.filter((test) => test.file === file).length;
    return `[${file.slice('test/'.length, -'.test.ts'.length)}](../${file})${titles > 1 ? ` (${titles})` : ''}`;
  });
  if (row.page !== undefined) files.push(`[${row.page.heading}](${row.page.file.slice('docs/'.length)})`);
  return `| ${id} | ${row.what} | ${files.join(', ')} | ${stateOf(row, tests)} |`;
}

/** The page as it should be. */
export function requirementsPage(): string {
  const shown = shownBy();
  const parts = Object.entries(PARTS).map(([title, rows]) => {
    const lines = Object.entries(rows as Rows).map(([id, row]) => line(id, row, shown.get(id) ?? []));
    return `## ${title}\n\n| row | what | shown by | state |\n| --- | --- | --- | --- |\n${lines.join('\n')}\n`;
  });
  return `# What the open half of the design asks for, and what shows it

The discussions of Landlock's design left questions open: whose credential decides on a socket, whether a layer may change, what a
policy program may be, how a domain is named. Each line below is one thing that was asked for. *live*: a test
shows it on real processes. *model*: only the model answers, in a test. *page*: it asks for words. Generated from the
titles of the tests (\`node tools/requirements.ts\`); \`npm test\` fails where a line that can be tested has no test.

${parts.join('\n')}`;
}

if (import.meta.main) {
  const fresh = requirementsPage();
  if (!process.argv.includes('--check')) writeFileSync(page, fresh);
  const wrong = problems();
  const stale =
    process.argv.includes('--check') && (!existsSync(page) || readFileSync(page, 'utf8') !== fresh);
  if (stale) console.error('docs/requirements.md is not what the tests say: run node tools/requirements.ts');
  for (const text of wrong) console.error(text);
  if (stale || wrong.length > 0) process.exitCode = 1;
}
