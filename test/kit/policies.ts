/**
 * Hosts, trees and policies for tests of the compiler: a host over a tree of paths in memory, random policies over few
 * names (so that rules meet each other often), and a second opinion on what a ruleset grants.
 */

import fc from 'fast-check';
import type {
  NetRule,
  Origin,
  PathPattern,
  PathRule,
  Rule,
  RuleLayer,
  Verdict,
} from '../../packages/landward/src/model/rules.ts';
import type { Host, PathAccess, PathFact } from '../../packages/landward/src/policy/plan.ts';
import type { Policy } from '../../packages/landward/src/policy/policy.ts';
import {
  FS_RIGHTS,
  type FsRight,
  NET_RIGHTS,
  type NetRight,
} from '../../packages/landward/src/uapi/landlock.ts';

/** What is at a path: a directory, a file, a symbolic link, or another name of an object. */
export type Entry = 'dir' | 'file' | { readonly link: string } | { readonly same: string };

/** Paths with what is there; parents are directories and need not be listed. */
export type MemoryTree = ReadonlyMap<string, Entry>;

/** A tree from an object. */
export function treeOf(entries: Readonly<Record<string, Entry>>): MemoryTree {
  const tree = new Map<string, Entry>([['/', 'dir']]);
  for (const [path, entry] of Object.entries(entries)) {
    const parts = path.slice(1).split('/');
    for (let count = 1; count < parts.length; count++) {
      const parent = `/${parts.slice(0, count).join('/')}`;
      if (!tree.has(parent)) tree.set(parent, 'dir');
    }
    tree.set(path, entry);
  }
  return tree;
}

/** The path that a path leads to, or null. */
export function follow(tree: MemoryTree, path: string, depth = 0): string | null {
  if (path === '/') return '/';
  const cut = path.lastIndexOf('/');
  const parent = follow(tree, cut === 0 ? '/' : path.slice(0, cut), depth);
  if (parent === null || depth > 8) return null;
  const at = parent === '/' ? `/${path.slice(cut + 1)}` : `${parent}/${path.slice(cut + 1)}`;
  const entry = tree.get(at);
  if (entry === undefined) return null;
  return typeof entry === 'object' && 'link' in entry ? follow(tree, entry.link, depth + 1) : at;
}

/** A host over a tree in memory. */
export function memoryHost(tree: MemoryTree, abi: number, more: Partial<Host> = {}): Host {
  const inodes = new Map([...tree.keys()].map((path, index) => [path, BigInt(index + 2)]));
  const fact = (path: string): PathFact | null => {
    const real = follow(tree, path);
    if (real === null) return null;
    const entry = tree.get(real)!;
    const object = typeof entry === 'object' && 'same' in entry ? entry.same : real;
    const kind = tree.get(object) === 'dir' ? 'directory' : 'file';
    return { real, type: kind, dev: 1n, ino: inodes.get(object)!, nlink: object === real ? 1 : 2 };
  };
  return {
    arch: 'x86_64',
    abi,
    errata: 0,
    landlock: abi === 0 ? 'absent' : 'available',
    seccomp: true,
    supervisor: false,
    kernel: 'memory',
    uid: 1000,
    stat: (paths) => paths.map(fact),
    list: (path) => {
      const real = follow(tree, path);
      if (real === null || tree.get(real) !== 'dir') return null;
      const prefix = real === '/' ? '/' : `${real}/`;
      return [...tree.keys()]
        .filter((each) => each !== '/' && each.startsWith(prefix) && !each.slice(prefix.length).includes('/'))
        .map((each) => each.slice(prefix.length));
    },
    ...more,
  };
}

let line = 0;
/** A place in no text; each is another. */
export function anywhere(): Origin {
  return { file: 'test', line: ++line, column: 1 };
}

/** A path rule. */
export function pathRule(
  verdict: Verdict,
  path: string,
  rights: readonly FsRight[],
  more: Partial<PathRule> & { readonly exact?: boolean; readonly glob?: string } = {},
): PathRule {
  const { exact, glob, ...rest } = more;
  const pattern: PathPattern =
    glob !== undefined ? { kind: 'glob', path, glob } : { kind: exact ? 'exact' : 'subtree', path };
  return {
    kind: 'path',
    verdict,
    pattern,
    rights,
    missing: 'optional',
    enforce: 'any',
    origin: anywhere(),
    ...rest,
  };
}

/** A network rule for any host. */
export function netRule(
  verdict: Verdict,
  right: NetRight,
  first: number,
  last = first,
  more: Partial<NetRule> = {},
): NetRule {
  return {
    kind: 'net',
    verdict,
    right,
    host: { kind: 'any' },
    ports: { first, last },
    enforce: 'any',
    origin: anywhere(),
    ...more,
  };
}

/** A grant layer over all categories. */
export function grant(...rules: readonly Rule[]): RuleLayer {
  return { kind: 'grant', name: 'grant', categories: ['fs', 'net', 'unix', 'process'], rules };
}

/** A policy with defaults. */
export function policyOf(layers: readonly RuleLayer[], more: Partial<Policy> = {}): Policy {
  return {
    layers,
    process: { ioUring: 'deny', ptrace: 'deny', namespaces: 'deny', terminalInjection: 'deny', syscalls: [] },
    env: { pass: null, scrub: [], set: {} },
    limits: {},
    require: { degrade: [] },
    keepFds: [],
    log: { sameExec: true, newExec: true, subdomains: true },
    tests: [],
    sources: [],
    ...more,
  };
}

export const READ: readonly FsRight[] = ['fs.read_file', 'fs.read_dir'];
export const WRITE: readonly FsRight[] = [
  ...READ,
  'fs.write_file',
  'fs.truncate',
  'fs.remove_dir',
  'fs.remove_file',
  'fs.make_dir',
  'fs.make_reg',
  'fs.make_sym',
  'fs.make_sock',
  'fs.make_fifo',
  'fs.refer',
];
export const ALL_FS = (Object.keys(FS_RIGHTS) as FsRight[]).filter((right) => right !== 'fs.resolve_unix');
export const ALL_NET = Object.keys(NET_RIGHTS) as NetRight[];

const NAMES = ['a', 'b', 'c', '.e'];

/** Random trees: three levels over four names. */
export const arbitraryTree: fc.Arbitrary<MemoryTree> = fc
  .array(fc.tuple(fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }), fc.boolean()), {
    maxLength: 24,
  })
  .map((paths) => {
    const tree = new Map<string, Entry>([['/', 'dir']]);
    for (const [parts, file] of paths) {
      for (let count = 1; count <= parts.length; count++) {
        const path = `/${parts.slice(0, count).join('/')}`;
        if (tree.get(path) === 'file') break;
        if (!tree.has(path)) tree.set(path, count === parts.length && file ? 'file' : 'dir');
      }
    }
    return tree;
  });

const arbitraryPath = fc
  .array(fc.constantFrom(...NAMES), { maxLength: 3 })
  .map((parts) => (parts.length === 0 ? '/' : `/${parts.join('/')}`));

const arbitraryPattern: fc.Arbitrary<PathPattern> = fc.oneof(
  { weight: 6, arbitrary: arbitraryPath.map((path) => ({ kind: 'subtree', path }) as const) },
  { weight: 1, arbitrary: arbitraryPath.map((path) => ({ kind: 'exact', path }) as const) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        ['/', '/**/.e'],
        ['/', '/**/.e/**'],
        ['/a', '/a/*'],
        ['/a', '/a/*/**'],
        ['/', '/*/b'],
        ['/', '/{a,b}/c'],
        ['/a', '/a/**/b/**'],
        ['/', '/**'],
        ['/a', '/a/[ab]/?'],
      )
      .map(([path, glob]) => ({ kind: 'glob', path: path!, glob: glob! }) as const),
  },
);

const arbitraryRights: fc.Arbitrary<readonly FsRight[]> = fc.oneof(
  fc.constant(READ),
  fc.constant(WRITE),
  fc.constant(ALL_FS),
  fc.subarray(ALL_FS, { minLength: 1 }),
);

const arbitraryRule: fc.Arbitrary<PathRule> = fc
  .record({
    verdict: fc.oneof(
      { weight: 5, arbitrary: fc.constant('allow' as const) },
      { weight: 2, arbitrary: fc.constant('deny' as const) },
      { weight: 1, arbitrary: fc.constantFrom('hide' as const, 'ask' as const) },
    ),
    pattern: arbitraryPattern,
    rights: arbitraryRights,
    all: fc.boolean(),
    expand: fc.boolean(),
  })
  .map(({ verdict, pattern, rights, all, expand }) => ({
    kind: 'path',
    verdict,
    pattern,
    rights: all && verdict === 'deny' ? [] : rights,
    missing: 'optional',
    enforce: 'any',
    origin: anywhere(),
    ...(expand ? { expand } : {}),
  }));

/** Random layers of path rules: one grant, up to two limits. */
export const arbitraryLayers: fc.Arbitrary<readonly RuleLayer[]> = fc
  .tuple(
    fc.array(arbitraryRule, { minLength: 1, maxLength: 7 }),
    fc.array(fc.array(arbitraryRule, { maxLength: 4 }), { maxLength: 2 }),
  )
  .map(([first, limits]) => [
    grant(...first),
    ...limits.map((rules, index) => ({
      kind: 'limit' as const,
      name: `limit ${index}`,
      categories: ['fs' as const],
      rules,
    })),
  ]);

/**
 * A second opinion on a ruleset: the union of the rules at and above a path, as masks. Knows nothing of trees, moves or
 * special objects.
 */
export function grantedAt(paths: readonly PathAccess[], path: string): number {
  return paths
    .filter((rule) => rule.path === '/' || rule.path === path || path.startsWith(`${rule.path}/`))
    .reduce((mask, rule) => mask | rule.access, 0);
}
