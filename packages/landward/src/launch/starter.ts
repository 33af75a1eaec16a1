/**
 * A starting policy for the project at hand: looks for the files that tell what kind of project it is, and words a policy
 * that a person edits further. Owns the table of kinds; reads names only, and writes nothing.
 */

import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** One kind of project: what tells it, what it needs. */
interface Kind {
  readonly name: string;
  /** File names, or endings with a leading `*`. */
  readonly marks: readonly string[];
  readonly presets: readonly string[];
  /** Directories below the project that such programs write; those that exist are proposed as they are. */
  readonly writes: readonly string[];
  readonly command: string;
}

const KINDS: readonly Kind[] = [
  {
    name: 'Node.js',
    marks: ['package.json'],
    presets: ['@node', '@npm'],
    writes: ['node_modules', 'dist', 'build', 'coverage', '.next', '.cache'],
    command: 'npm test',
  },
  {
    name: 'Python',
    marks: ['pyproject.toml', 'requirements.txt', 'setup.py', 'Pipfile'],
    presets: ['@python'],
    writes: ['.venv', 'venv', 'build', 'dist', '.pytest_cache', '.mypy_cache'],
    command: 'python3 -m pytest',
  },
  {
    name: 'C or C++',
    marks: [
      'Makefile',
      'makefile',
      'GNUmakefile',
      'CMakeLists.txt',
      'meson.build',
      'configure',
      '*.c',
      '*.cc',
      '*.cpp',
    ],
    presets: ['@gcc', '@shell'],
    writes: ['build', 'out', 'obj'],
    command: 'make',
  },
];

/** A proposed policy. */
export interface Starter {
  /** The names of the kinds of project that were recognised. */
  readonly kinds: readonly string[];
  readonly text: string;
  /** A command that such a project runs, for the advice behind it. */
  readonly command: string;
}

/**
 * Words a starting policy for a project.
 *
 * @param directory the project's directory
 * @param presets the names of presets that exist, with their `@`
 */
export function starter(directory: string, presets: ReadonlySet<string>): Starter {
  const names = readdirSync(directory);
  const kinds = KINDS.filter((kind) => kind.marks.some((mark) => names.some((name) => matches(name, mark))));
  const wanted = ['@base', ...(kinds.length === 0 ? ['@shell'] : kinds.flatMap((kind) => kind.presets))];
  if (existsSync(join(directory, '.git'))) wanted.push('@git');
  const extend = [...new Set(wanted)].filter((name) => presets.has(name));
  const writes = [...new Set(kinds.flatMap((kind) => kind.writes))];
  const command = kinds[0]?.command ?? 'sh';
  return {
    kinds: kinds.map((kind) => kind.name),
    text: word(directory, kinds, extend, writes, command),
    command,
  };
}

function matches(name: string, mark: string): boolean {
  return mark.startsWith('*') ? name.endsWith(mark.slice(1)) && name.length > mark.length - 1 : name === mark;
}

function word(
  directory: string,
  kinds: readonly Kind[],
  extend: readonly string[],
  writes: readonly string[],
  command: string,
): string {
  const present = writes.filter((name) => existsSync(join(directory, name)));
  const what =
    kinds.length === 0 ? 'no kind of project recognised' : kinds.map((kind) => kind.name).join(', ');
  const list = (items: readonly string[]) => items.map((item) => JSON.stringify(item)).join(', ');
  const written = (present.length === 0 ? writes.slice(0, 1) : present).map((name) => `$project/${name}`);
  // Directories that do not exist yet are optional: the kernel can only grant what is there.
  const rows = written.map((path) =>
    present.includes(basename(path))
      ? JSON.stringify(path)
      : `{ path = ${JSON.stringify(path)}, missing = "optional" }`,
  );
  return `# What programs of this project may do (${what}).
# Approve it:  landward policy approve
# Try it:      landward run --report -- ${command}
# Ask it:      landward why landward.toml -- read ~/.ssh/id_ed25519
# Everything that is not listed is denied. Presets: landward policy print @base

extends = [${list(extend)}]

[fs]
read  = ["$project"]
write = [${[...rows, '"$tmp"'].join(', ')}]

[net]
connect = []          # such as "tcp:5432"; presets may open ports of their own
listen  = []

[[test]]
allow = "read $project"

[[test]]
deny = "read ~/.ssh/id_ed25519"

[[test]]
deny = "connect tcp:22"
`;
}
