/**
 * Checks the shape of the tree: which room may import which, which rooms stay pure, how long a file may be, and
 * what no file may say. `findBreaches` returns every breach; `node tools/rooms.ts` prints them and fails.
 *
 * Owns the rules of the repository; owns nothing about types or style (tsc and biome do those).
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const source = 'packages/landward/src';

/** What each room may import besides itself and `errors.ts`. `types` lists rooms of which only types may be imported. */
const ROOMS = {
  uapi: { imports: [], pure: true },
  model: { imports: ['uapi'], pure: true },
  filter: { imports: ['uapi'], pure: true },
  policy: {
    imports: ['uapi', 'model', 'filter'],
    pure: true,
    packages: ['jsonc-parser', 'toml-eslint-parser'],
  },
  programs: { imports: ['uapi', 'model'], pure: true },
  kernel: { imports: ['uapi'], types: ['policy'], pure: false },
  supervisor: { imports: ['uapi', 'model', 'filter', 'kernel', 'programs'], types: ['policy'], pure: false },
  audit: {
    imports: ['uapi', 'model', 'policy', 'kernel'],
    // The parsers edit policies; the others are optional peers. Only the command that needs one loads it.
    packages: [
      'jsonc-parser',
      'toml-eslint-parser',
      '@opentelemetry/exporter-logs-otlp-proto',
      '@opentelemetry/exporter-metrics-otlp-proto',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-logs',
      '@opentelemetry/sdk-metrics',
      'aws4fetch',
      'hyparquet-writer',
      'prom-client',
    ],
    pure: false,
  },
  launch: {
    imports: ['uapi', 'model', 'filter', 'policy', 'kernel', 'supervisor', 'audit', 'programs'],
    pure: false,
  },
  cli: {
    imports: [
      'uapi',
      'model',
      'filter',
      'policy',
      'kernel',
      'supervisor',
      'audit',
      'programs',
      'launch',
      '.',
    ],
    pure: false,
  },
  '.': {
    imports: ['uapi', 'model', 'filter', 'policy', 'kernel', 'supervisor', 'audit', 'programs', 'launch'],
    pure: false,
  },
} as const satisfies Record<
  string,
  {
    readonly imports: readonly string[];
    readonly types?: readonly string[];
    readonly packages?: readonly string[];
    readonly pure: boolean;
  }
>;

/** Lines a file may have, by folder; the first match counts. Generated tables are exempt by their own first lines. */
const LENGTH: readonly (readonly [prefix: string, lines: number])[] = [
  [`${source}/`, 250],
  ['packages/landward/native/', 250],
  ['tools/', 250],
  ['bench/', 250],
  ['examples/', 250],
  ['test/', 500],
];

/** Names that make no promise about their content. */
const EMPTY_NAMES = /(^|\/)(utils?|helpers?|misc|common|manager)(\.[a-z]+)*(\/|$)/;

/** Public registries (a clone must install from whatever registry its owner configured) and places that users do not have. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [
    /npmjs\.(?:org|com)|yarnpkg\.com|jsr\.io|pypi\.org|pythonhosted\.org|crates\.io|proxy\.golang\.org/i,
    'a registry host',
  ],
  [/deb\.debian\.org|snapshot\.debian\.org|archive\.ubuntu\.com|ghcr\.io|docker\.io/i, 'a registry host'],
  [/\/work\/shared|\.\.\/shared\//, 'a place outside the repository'],
];

export interface Breach {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
  readonly line: number;
}

/** Every import and re-export of a TypeScript text, dynamic ones included. */
export function importsOf(text: string): readonly Import[] {
  const found: Import[] = [];
  const pattern =
    /(?:^|\n)\s*(import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;
  const commentless = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));
  for (const match of commentless.matchAll(pattern)) {
    const before = commentless.slice(0, match.index + match[0].length);
    found.push({
      specifier: match[3] ?? match[4]!,
      // A dynamic import in a type position cannot be told apart here and counts as a value.
      typeOnly: match[2] !== undefined,
      dynamic: match[3] === undefined,
      line: before.split('\n').length,
    });
  }
  return found;
}

/** Breaches of one file of `src/`, by its path below it. */
export function roomBreaches(path: string, text: string): readonly Breach[] {
  const file = `${source}/${path}`;
  const name = path.includes('/') ? path.slice(0, path.indexOf('/')) : '.';
  if (!(name in ROOMS)) return [{ file, line: 1, what: `the room ${name} is not in tools/rooms.ts` }];
  const room: {
    imports: readonly string[];
    types?: readonly string[];
    packages?: readonly string[];
    pure: boolean;
  } = ROOMS[name as keyof typeof ROOMS];
  const breaches: Breach[] = [];
  if (!text.startsWith('/**') && !text.startsWith('// Generated'))
    breaches.push({ file, line: 1, what: 'does not open with what it owns' });
  for (const { specifier, typeOnly, line } of importsOf(text)) {
    const report = (what: string) => breaches.push({ file, line, what });
    if (specifier.startsWith('node:')) {
      if (room.pure) report(`the pure room ${name} imports ${specifier}`);
      continue;
    }
    if (!specifier.startsWith('.')) {
      if (!(room.packages ?? []).includes(specifier)) report(`${name} imports the package ${specifier}`);
      continue;
    }
    const target = join(dirname(path), specifier);
    if (target === 'errors.ts') {
      if (path === 'errors.ts') report('errors.ts imports itself');
      continue;
    }
    if (target.startsWith('..')) {
      if (target !== '../package.json') report(`imports ${specifier} from outside src`);
      continue;
    }
    const other = target.includes('/') ? target.slice(0, target.indexOf('/')) : '.';
    const allowed =
      other === name || room.imports.includes(other) || (typeOnly && (room.types ?? []).includes(other));
    if (path === 'errors.ts' || !allowed)
      report(`${path === 'errors.ts' ? 'errors.ts' : name} imports ${specifier}`);
  }
  return breaches;
}

/** Breaches that any file can have. */
export function textBreaches(file: string, text: string): readonly Breach[] {
  const breaches: Breach[] = [];
  if (EMPTY_NAMES.test(file)) breaches.push({ file, line: 1, what: 'has a name that says nothing' });
  const lines = text.split('\n');
  for (const [pattern, what] of FORBIDDEN)
    for (const [index, line] of lines.entries())
      if (pattern.test(line) && file !== 'tools/rooms.ts')
        breaches.push({ file, line: index + 1, what: `names ${what}` });
  const generated = /generated/i.test(lines.slice(0, 5).join('\n'));
  const limit = LENGTH.find(([prefix]) => file.startsWith(prefix))?.[1];
  const isCode = /\.(ts|js|mjs|c|h)$/.test(file);
  if (limit !== undefined && isCode && !generated && lines.length - 1 > limit)
    breaches.push({ file, line: limit + 1, what: `has ${lines.length - 1} lines, more than ${limit}` });
  return breaches;
}

/** Every breach of the tree, over the files that git knows or would add. */
export function findBreaches(): readonly Breach[] {
  const git = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (git.status !== 0) throw new Error(`git ls-files failed: ${git.stderr}`);
  const breaches: Breach[] = [];
  for (const file of git.stdout.split('\0').filter(Boolean)) {
    if (/\.(node|png|gz|bin|deb)$|\/prebuilds\/[^/]+\/[^.]+$/.test(file)) continue;
    let text: string;
    try {
      text = readFileSync(join(root, file), 'utf8');
    } catch {
      continue; // Removed in the working tree, or a link that points nowhere.
    }
    breaches.push(...textBreaches(file, text));
    if (file.startsWith(`${source}/`) && file.endsWith('.ts'))
      breaches.push(...roomBreaches(relative(source, file), text));
  }
  return breaches;
}

if (import.meta.main) {
  const breaches = findBreaches();
  for (const { file, line, what } of breaches) console.log(`${file}:${line}: ${what}`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
