/**
 * `npm test`: every check of the repository in one run, and one closing line that counts them.
 *
 * Steps first (addon, rooms, style, types, generated pages), then the test files: `live` one at a time, because its tests
 * install packages and look at the whole system, the others side by side. Every skip is printed with its reason at the end.
 *
 *     npm test                 everything
 *     npm test -- sim          one group: steps, sim, live, attacks
 *     npm test -- pty docs     the test files whose path contains one of the words
 */

import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from 'node:test';
import { needsTest, ROWS, rowsNamed } from './requirements.ts';

const root = resolve(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** The step is for a tree that has this. */
  readonly where?: string;
}

const STEPS: readonly Step[] = [
  { name: 'native', command: [process.execPath, 'tools/build-native.ts'] },
  // The command line of a clone prefers what is built; an old build must not be what is tested.
  { name: 'build', command: [process.execPath, 'tools/build.ts'], where: 'packages/landward/dist' },
  { name: 'rooms', command: [process.execPath, 'tools/rooms.ts'] },
  { name: 'style', command: [bin('biome'), 'check', '.'] },
  { name: 'types', command: [bin('tsc'), '--noEmit'] },
  { name: 'errors page', command: [process.execPath, 'tools/errors-page.ts', '--check'] },
  { name: 'calls page', command: [process.execPath, 'tools/calls-page.ts', '--check'] },
  { name: 'requirements page', command: [process.execPath, 'tools/requirements.ts', '--check'] },
];

interface Group {
  readonly name: string;
  readonly files: string;
  readonly concurrency: number;
}

const GROUPS: readonly Group[] = [
  { name: 'sim', files: 'test/sim/**/*.test.ts', concurrency: 2 },
  { name: 'live', files: 'test/live/**/*.test.ts', concurrency: 1 },
  { name: 'attacks', files: 'test/attacks/**/*.test.ts', concurrency: 2 },
];

interface Totals {
  /** Rows of docs/requirements.md that a test has shown in this run. */
  readonly shown: Set<string>;
  passed: number;
  failed: number;
  readonly skipped: { readonly name: string; readonly file: string; readonly reason: string }[];
  readonly failures: { readonly name: string; readonly file: string; readonly text: string }[];
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

function runStep(step: Step, totals: Totals): void {
  if (step.where !== undefined && !existsSync(join(root, step.where))) return;
  const since = performance.now();
  const [command, ...args] = step.command;
  const child = spawnSync(command!, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  const text = `${child.stdout ?? ''}${child.stderr ?? ''}${child.error?.message ?? ''}`.trim();
  const good = child.status === 0;
  console.log(`${good ? 'ok  ' : 'FAIL'}  ${step.name}  ${seconds(since)}`);
  // The addon's step says which addon the tests use, and that must not be lost.
  if (good && step.name === 'native' && text !== '') console.log(text.replace(/^/gm, '      '));
  if (good) totals.passed++;
  else {
    totals.failed++;
    totals.failures.push({ name: step.name, file: step.command.join(' '), text });
  }
}

async function runFiles(
  name: string,
  files: readonly string[],
  concurrency: number,
  totals: Totals,
): Promise<void> {
  if (files.length === 0) return;
  const since = performance.now();
  const before = { passed: totals.passed, failed: totals.failed, skipped: totals.skipped.length };
  // A file that hangs must fail, not stop the whole run for ever; no test comes near this.
  const events = run({
    files: files.map((file) => join(root, file)),
    concurrency,
    timeout: 600_000,
    cwd: root,
  });
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { data } = event;
    const file = (data.file ?? '').replace(`${root}/`, '');
    if (event.type === 'test:fail') {
      // A suite fails because one of its tests does; the test itself is the one that counts.
      const suite =
        data.details.type === 'suite' && /subtests? failed/.test(String(data.details.error?.message));
      if (suite || (data.todo === undefined && /subtests? failed/.test(String(data.details.error?.message))))
        continue;
      totals.failed++;
      const error = data.details.error;
      totals.failures.push({ name: data.name, file: `${file}:${data.line ?? 1}`, text: describe(error) });
      console.log(`FAIL  ${file}  ${data.name}`);
    } else if (data.skip !== undefined) {
      const reason = typeof data.skip === 'string' && data.skip !== '' ? data.skip : 'no reason given';
      totals.skipped.push({ name: data.name, file, reason });
    } else if (data.details.type !== 'suite') {
      totals.passed++;
      for (const row of rowsNamed(data.name)) totals.shown.add(row);
    }
  }
  const passed = totals.passed - before.passed;
  const failed = totals.failed - before.failed;
  const skipped = totals.skipped.length - before.skipped;
  console.log(
    `${failed === 0 ? 'ok  ' : 'FAIL'}  ${name}: ${files.length} files, ${passed} passed, ${failed} failed, ${skipped} skipped  ${seconds(since)}`,
  );
}

function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

/** Which rows this run has shown. One that is only shown by tests that could not run here is told, not counted as wrong. */
function tellRows(totals: Totals): void {
  const rows = Object.entries(ROWS).filter(([, row]) => needsTest(row));
  const missing = rows.filter(([id]) => !totals.shown.has(id)).map(([id]) => id);
  const skipped = new Set(totals.skipped.flatMap(({ name }) => rowsNamed(name)));
  console.log(`rows of docs/requirements.md: ${rows.length - missing.length} of ${rows.length} shown`);
  for (const id of missing) {
    if (skipped.has(id)) console.log(`  ${id}: its tests could not run here`);
    else {
      totals.failed++;
      totals.failures.push({
        name: id,
        file: 'docs/requirements.md',
        text: 'no test that names it has passed',
      });
    }
  }
}

const words = process.argv.slice(2);
const groupNames = new Set(['steps', ...GROUPS.map((group) => group.name)]);
const groups = words.filter((word) => groupNames.has(word));
const parts = words.filter((word) => !groupNames.has(word));
const wanted = (group: string) => (groups.length === 0 && parts.length === 0) || groups.includes(group);
const totals: Totals = { shown: new Set(), passed: 0, failed: 0, skipped: [], failures: [] };

// Whatever a test starts finds the clone's own Node first, as it does under npm.
process.env.PATH = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`;

if (wanted('steps')) for (const step of STEPS) runStep(step, totals);
let files = 0;
for (const group of GROUPS) {
  const all = globSync(group.files, { cwd: root }).sort();
  const chosen = all.filter((file) => wanted(group.name) || parts.some((part) => file.includes(part)));
  files += chosen.length;
  await runFiles(group.name, chosen, group.concurrency, totals);
}
if (parts.length > 0 && files === 0) {
  console.error(`no test file matches: ${parts.join(' ')}`);
  totals.failed++;
}

if (words.length === 0) tellRows(totals);

for (const { name, file, text } of totals.failures)
  console.log(`\nFAIL  ${file}  ${name}\n${text.replace(/^/gm, '    ')}`);
if (totals.skipped.length > 0) console.log('\nSkipped:');
for (const { name, file, reason } of totals.skipped) console.log(`  ${file}  ${name}: ${reason}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;
