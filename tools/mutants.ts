/**
 * `npm run mutants`: breaks the model of Landlock in one place at a time and checks that the tests notice. Writes
 * docs/model-mutants.md: every mutant with the test that kills it, and each survivor with the reason why it is no other
 * model. Ends with status 1 when a mutant survives without a reason.
 *
 * `--resume` takes over the kills that the page of an earlier run names for the same mutated line, and runs the rest:
 * enough while tests are added, not after one was taken away. `--file` and `--line` run some and write nothing.
 *
 * Works on a copy of the sources; the tree itself is never changed.
 */

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EQUIVALENT } from './mutants-equivalent.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const MODEL = 'packages/landward/src/model/landlock';
/** What holds no rule of Landlock: shapes, the list of exports, the in-memory world that only tests use. */
const NOT_MUTATED = new Set(['index.ts', 'world.ts', 'result.ts', 'plain.ts']);
const PAGE = join(ROOT, 'docs/model-mutants.md');
const TIME_LIMIT = 60_000;
/** Which test file knows a source file best: it runs first. */
const FOCUS: Readonly<Record<string, string>> = {
  'behaviour.ts': 'calls',
  'calls.ts': 'calls',
  'restrict.ts': 'calls',
  'ruleset.ts': 'calls',
  'decision.ts': 'log',
  'disclosure.ts': 'ids',
  'ids.ts': 'ids',
  'domain.ts': 'walk',
  'files.ts': 'walk',
  'inet.ts': 'inet',
  'ioctl.ts': 'walk',
  'ipc.ts': 'ipc',
  'open.ts': 'walk',
  'operations.ts': 'walk',
  'refer.ts': 'refer',
  'sockets.ts': 'ipc',
  'walk.ts': 'walk',
};

interface Mutant {
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
  readonly source: string;
}

/** What may be broken: a pattern, and what stands there in the mutant. */
const OPERATORS: readonly (readonly [RegExp, (found: string) => string])[] = [
  [/ === /g, () => ' !== '],
  [/ !== /g, () => ' === '],
  [/ && /g, () => ' || '],
  [/ \|\| /g, () => ' && '],
  [/ < (?=[\w(])/g, () => ' <= '],
  [/ > (?=[\w(])/g, () => ' >= '],
  [/ >= (?=[\w(])/g, () => ' > '],
  [/\breturn true\b/g, () => 'return false'],
  [/\breturn false\b/g, () => 'return true'],
  [/ & ~/g, () => ' & '],
  [/ \|= /g, () => ' = '],
  [/ &= ~/g, () => ' &= '],
  [/'E[A-Z0-9]{2,}'/g, (found) => (found === "'EIO'" ? "'ENXIO'" : "'EIO'")],
  [/ERRNO\.E[A-Z0-9]+/g, () => 'ERRNO.EIO'],
  [
    /\['(fs|net|scope)\.[a-z_]+'/g,
    (found) => (found === "['fs.read_file'" ? "['fs.write_file'" : "['fs.read_file'"),
  ],
  [/(?<=: )0x[0-9a-f]+(?=,)/g, (found) => `${found} ^ 0x100`],
  [/on: 'object'/g, () => "on: 'directory'"],
  [/!(?=[\w]+[.(])/g, () => ''],
];

/** Every mutant of a file, in order. */
function mutantsOf(file: string): Mutant[] {
  const lines = readFileSync(join(ROOT, MODEL, file), 'utf8').split('\n');
  const mutants: Mutant[] = [];
  lines.forEach((text, index) => {
    if (/^\s*(\/\/|\/?\*|import |export (type|interface)|readonly )/.test(text) || /^\s*\| \{/.test(text))
      return;
    for (const [pattern, replace] of OPERATORS) {
      for (const match of text.matchAll(pattern)) {
        // One step too far over an array only meets undefined.
        if (/^\s*for \(let/.test(text) && match[0] === ' < ') continue;
        const mutated =
          text.slice(0, match.index) + replace(match[0]) + text.slice(match.index + match[0].length);
        if (mutated === text) continue;
        const source = [...lines.slice(0, index), mutated, ...lines.slice(index + 1)].join('\n');
        mutants.push({ file, line: index + 1, before: text.trim(), after: mutated.trim(), source });
      }
    }
  });
  return mutants;
}

/** A copy of what the tests need, with the installed packages linked. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'landward-mutants-'));
  mkdirSync(join(copy, 'packages/landward'), { recursive: true });
  for (const path of [
    'package.json',
    'packages/landward/package.json',
    'packages/landward/src',
    'test/differential',
  ]) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
  for (const path of modelTests()) cpSync(join(ROOT, path), join(copy, path));
  cpSync(join(ROOT, LIVE), join(copy, LIVE));
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

const LIVE = 'test/live/differential.test.ts';

function modelTests(): string[] {
  const names = readdirSync(join(ROOT, 'test/sim'));
  return names.filter((name) => /^model-.*\.test\.ts$/.test(name)).map((name) => `test/sim/${name}`);
}

/** The first test that fails in the copy, or `null`. */
function killer(copy: string, tests: readonly string[]): string | null {
  const run = spawnSync(
    process.execPath,
    ['--test', '--test-isolation=none', '--test-reporter=tap', ...tests],
    {
      cwd: copy,
      env: { ...process.env, NODE_COMPILE_CACHE: join(copy, 'cache') },
      encoding: 'utf8',
      timeout: TIME_LIMIT,
      killSignal: 'SIGKILL',
      maxBuffer: 1 << 26,
    },
  );
  if (run.status === 0) return null;
  if (run.status === null) return 'does not end';
  const failed = /^\s*not ok \d+ - (.*)$/m.exec(run.stdout);
  return failed?.[1]?.replace(/\\#/g, '#') ?? 'does not load';
}

const { values } = parseArgs({
  options: {
    file: { type: 'string' },
    line: { type: 'string' },
    resume: { type: 'boolean', default: false },
  },
});
const known = values.resume ? knownKillers() : new Map<string, string>();
const files = readdirSync(join(ROOT, MODEL)).filter((name) => name.endsWith('.ts') && !NOT_MUTATED.has(name));
const mutants = files
  .filter((file) => values.file === undefined || file === values.file)
  .flatMap(mutantsOf)
  .filter((mutant) => values.line === undefined || mutant.line === Number(values.line));
console.log(`${mutants.length} mutants`);
const copy = copyTree();
const rows: { mutant: Mutant; killer: string | null; reason: string | null }[] = [];
try {
  const clean = killer(copy, [...modelTests(), LIVE]);
  if (clean !== null) throw new Error(`the tests fail without a mutant: ${clean}`);
  for (const mutant of mutants) {
    const before = known.get(keyOf(mutant.file, mutant.before, mutant.after));
    if (before !== undefined) {
      rows.push({ mutant, killer: before, reason: null });
      continue;
    }
    const target = join(copy, MODEL, mutant.file);
    const original = readFileSync(target, 'utf8');
    writeFileSync(target, mutant.source);
    const first = `test/sim/model-${FOCUS[mutant.file]}.test.ts`;
    const others = modelTests().filter((path) => path !== first);
    const found = killer(copy, [first]) ?? killer(copy, others) ?? killer(copy, [LIVE]);
    writeFileSync(target, original);
    const reason = found === null ? (EQUIVALENT[`${mutant.file}: ${mutant.after}`] ?? null) : null;
    rows.push({ mutant, killer: found, reason });
    if (found === null && reason === null)
      console.log(`survives: ${mutant.file}:${mutant.line}\n  - ${mutant.before}\n  + ${mutant.after}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}

const killed = rows.filter((row) => row.killer !== null).length;
const equal = rows.filter((row) => row.reason !== null).length;
const survivors = rows.length - killed - equal;
const summary = `${rows.length} mutants: ${killed} killed, ${equal} equal to the model, ${survivors} surviving`;
console.log(summary);
if (values.file === undefined && values.line === undefined) writeFileSync(PAGE, page());
process.exitCode = survivors === 0 ? 0 : 1;

function keyOf(file: string, before: string, after: string): string {
  return `${file} ${before} ${after}`;
}

/** Kills that the page of an earlier run names. */
function knownKillers(): Map<string, string> {
  const kills = new Map<string, string>();
  for (const row of readFileSync(PAGE, 'utf8').split('\n')) {
    const match = /^\| (\S+):\d+ \| `(.*)` \| `(.*)` \| ([^*].*) \|$/.exec(row.replaceAll('\\|', '\0'));
    if (match === null) continue;
    const [, file, from, to, by] = match.map((text) => text.replaceAll('\0', '|'));
    kills.set(keyOf(file!, from!, to!), by!);
  }
  return kills;
}

function page(): string {
  const code = (text: string) => `\`${text.replaceAll('|', '\\|')}\``;
  const body = rows.map(
    ({ mutant, killer: by, reason }) =>
      `| ${mutant.file}:${mutant.line} | ${code(mutant.before)} | ${code(mutant.after)} | ${by?.replaceAll('|', '\\|') ?? `*${reason ?? 'survives'}*`} |`,
  );
  return [
    '# Mutants of the model',
    '',
    'Generated by `npm run mutants`: the model of Landlock broken in one place at a time, and the first test that notices.',
    'In italics: why a mutant is no other model.',
    '',
    `${summary}.`,
    '',
    '| where | model | mutant | noticed by |',
    '|---|---|---|---|',
    ...body,
    '',
  ].join('\n');
}
