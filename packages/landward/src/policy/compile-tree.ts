/**
 * The literal paths of a policy as a tree, with what each layer says at each path, as masks.
 *
 * Owns the translation of rules into masks. Decides nothing: what the masks come to is `compile-effective.ts`.
 */

import { compileGlob, type Glob, walkGlob } from '../model/glob.ts';
import { spokenMask } from '../model/rules/rights.ts';
import type { Origin, PathPattern, PathRule, Rule, RuleLayer, UnixRule } from '../model/rules.ts';
import { FS_RIGHTS, type FsRight } from '../uapi/landlock.ts';
import { fsMask } from '../uapi/masks.ts';
import { coversBelow, type Located, type LocatedLayer } from './compile-facts.ts';
import type { PathFact } from './plan.ts';

/** Every filesystem right except the one that belongs to UNIX sockets. */
export const FS_BITS = fsMask(...(Object.keys(FS_RIGHTS) as FsRight[])) & ~fsMask('fs.resolve_unix');
/** Connecting to a UNIX socket by its path. */
export const CONNECT_BIT = fsMask('fs.resolve_unix');
/** Binding a UNIX socket to a path: no kernel right of its own, the kernel asks `fs.make_sock` of the directory. */
export const BIND_BIT = 1 << 17;
export const ALL_BITS = FS_BITS | CONNECT_BIT | BIND_BIT;

/** What one rule says at a path, in one layer. */
export interface MaskRule {
  readonly layer: number;
  readonly located: Located<PathRule | UnixRule>;
  readonly strict: boolean;
  readonly mask: number;
  /** Whether the rule speaks about the object alone. */
  readonly exact: boolean;
  /** Whether a glob found the object: a literal rule at the same path wins. */
  readonly found: boolean;
}

/** A rule whose glob can match below a node. */
export interface GlobRule extends MaskRule {
  readonly glob: Glob;
}

/** A path of the tree. */
export interface Node {
  readonly path: string;
  readonly name: string;
  readonly children: Map<string, Node>;
  readonly rules: MaskRule[];
  readonly globs: GlobRule[];
  fact: PathFact | null;
  /** A directory that will be made before the start. */
  create: boolean;
}

export interface Tree {
  readonly root: Node;
  /** For each layer, the bits that it does not restrict anywhere. */
  readonly free: readonly number[];
}

function node(path: string, name: string): Node {
  return { path, name, children: new Map(), rules: [], globs: [], fact: null, create: false };
}

/** The node of a path, made with its parents where it is not there yet. */
export function nodeAt(tree: { readonly root: Node }, path: string): Node {
  let at = tree.root;
  if (path === '/') return at;
  let built = '';
  for (const name of path.slice(1).split('/')) {
    built += `/${name}`;
    let child = at.children.get(name);
    if (child === undefined) {
      child = node(built, name);
      at.children.set(name, child);
    }
    at = child;
  }
  return at;
}

/** The rights that a rule speaks about, as bits. */
export function maskOf(rule: PathRule | UnixRule, layer: Pick<RuleLayer, 'categories'>): number {
  if (rule.kind === 'unix') return rule.operation === 'connect' ? CONNECT_BIT : BIND_BIT;
  const mask = spokenMask(rule) & (FS_BITS | CONNECT_BIT);
  // A layer that does not speak about UNIX sockets does not restrict them by a rule about files either.
  return rule.verdict === 'allow' || layer.categories.includes('unix') ? mask : mask & ~CONNECT_BIT;
}

/** The bits that a layer restricts. */
export function restrictedBy(layer: Pick<RuleLayer, 'categories'>): number {
  return (
    (layer.categories.includes('fs') ? FS_BITS : 0) |
    (layer.categories.includes('unix') ? CONNECT_BIT | BIND_BIT : 0)
  );
}

/**
 * Builds the tree.
 *
 * @param skip rules that are not held, because a gap was accepted or their path is missing
 */
export function buildTree(layers: readonly LocatedLayer[], skip: ReadonlySet<Rule>): Tree {
  const tree = { root: node('/', '') };
  layers.forEach((layer, index) => {
    for (const located of layer.rules) {
      if (located.pattern === null || located.skipped || skip.has(located.rule)) continue;
      add(tree, layer, index, located as Located<PathRule | UnixRule>);
    }
  });
  const free = layers.map((layer) => ALL_BITS & ~restrictedBy(layer));
  return { ...tree, free };
}

function add(
  tree: { readonly root: Node },
  layer: LocatedLayer,
  index: number,
  located: Located<PathRule | UnixRule>,
): void {
  const strict = located.rule.verdict !== 'allow';
  const base = { layer: index, located, strict, mask: maskOf(located.rule, layer) };
  put(tree, located.pattern!, base, located);
  // Whoever may replace the link could make the path as written lead to something else.
  if (strict && located.alias !== null) put(tree, located.alias, base, null);
}

function put(
  tree: { readonly root: Node },
  pattern: PathPattern,
  base: Omit<MaskRule, 'exact' | 'found'>,
  located: Located | null,
): void {
  const at = nodeAt(tree, pattern.path);
  if (located !== null) {
    at.fact ??= located.fact;
    if (located.create !== null) at.create = true;
  }
  if (pattern.kind !== 'glob') {
    at.rules.push({ ...base, exact: pattern.kind === 'exact', found: false });
    return;
  }
  const glob = compileGlob(pattern.glob);
  at.globs.push({ ...base, exact: !coversBelow(base.located.rule, glob), found: true, glob });
}

/** The components of an absolute path. */
export function componentsOf(path: string): readonly string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

/** How a glob stands to a path: whether it names this path, and whether it may name something below it. */
export function globAt(glob: Glob, path: string): { readonly here: boolean; readonly below: boolean } {
  const parts = componentsOf(path);
  const { accepted, live } = walkGlob(glob, parts);
  return { here: accepted.at(-1) === parts.length, below: live.some((states) => states.length > 0) };
}

/** Where the allow rules of a node came from. */
export function originsOf(at: Node): readonly Origin[] {
  return at.rules.filter((rule) => !rule.strict && rule.mask !== 0).map((rule) => rule.located.rule.origin);
}
