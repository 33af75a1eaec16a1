/**
 * What exists now, for rules with `expand`: what a glob names, and what lies beside a denied path.
 *
 * Owns the walk over directories and its bound. What it finds is true at this moment only; the report must say so.
 */

import type { PathRule } from '../model/rules.ts';
import { type Effects, isFile } from './compile-effective.ts';
import { join } from './compile-facts.ts';
import { type GlobRule, globAt, type Node, nodeAt, type Tree } from './compile-tree.ts';
import type { Host, PathFact } from './plan.ts';

/** How many names all expansions of one policy may look at. */
export const MAX_NAMES = 100_000;

/** Whether a rule asks to be held, or granted, by what exists now. */
export function wantsExpansion(rule: GlobRule): boolean {
  const written = rule.located.rule;
  return written.kind === 'path' && (written as PathRule).expand === true;
}

/** A budget of names that several expansions share. */
export interface Budget {
  left: number;
}

/**
 * Replaces the globs of rules with `expand` by what they name now.
 *
 * @returns for each such rule how many objects were found, or `null` where there was too much to look at (the glob stays)
 */
export function expandGlobs(tree: Tree, host: Host, budget: Budget): ReadonlyMap<GlobRule, number | null> {
  const done = new Map<GlobRule, number | null>();
  const walk = (node: Node): void => {
    for (const rule of node.globs.filter(wantsExpansion)) {
      const matches = find(rule, node.path, host, budget);
      done.set(rule, matches === null ? null : matches.length);
      if (matches === null) continue;
      node.globs.splice(node.globs.indexOf(rule), 1);
      for (const match of matches) hang(tree, rule, match);
    }
    for (const child of [...node.children.values()]) walk(child);
  };
  walk(tree.root);
  return done;
}

interface Match {
  readonly path: string;
  readonly fact: PathFact;
  /** A directory whose names cannot all be known: a strict rule closes it whole. */
  readonly unknown: boolean;
}

/** What Node puts in the place of bytes that are no text; such a name cannot be asked for. */
const NO_TEXT = '\ufffd';

function hang(tree: Tree, rule: GlobRule, match: Match): void {
  const at = nodeAt(tree, match.path);
  at.fact ??= match.fact;
  const { glob: _glob, ...mask } = rule;
  at.rules.push(match.unknown ? { ...mask, exact: false } : mask);
}

function find(rule: GlobRule, prefix: string, host: Host, budget: Budget): readonly Match[] | null {
  const matches: Match[] = [];
  const [start] = host.stat([prefix]);
  if (!start) return matches;
  const here = globAt(rule.glob, prefix);
  if (here.here) matches.push({ path: prefix, fact: start, unknown: false });
  let frontier = start.type === 'directory' && here.below ? [{ path: prefix, fact: start }] : [];
  while (frontier.length > 0) {
    const paths: string[] = [];
    for (const { path, fact } of frontier) {
      const names = host.list(path);
      const unknown = names === null || names.some((name) => name.includes(NO_TEXT));
      if (unknown && rule.strict) matches.push({ path, fact, unknown });
      else paths.push(...(names ?? []).map((name) => join(path, name)));
    }
    budget.left -= paths.length;
    if (budget.left < 0) return null;
    const facts = host.stat(paths);
    frontier = [];
    paths.forEach((path, index) => {
      const fact = facts[index];
      // A symbolic link is no object of its own: what it leads to is judged at its own path.
      if (!fact || fact.real !== path) return;
      const stand = globAt(rule.glob, path);
      if (stand.here) matches.push({ path, fact, unknown: false });
      if (fact.type === 'directory' && stand.below) frontier.push({ path, fact });
    });
  }
  return matches;
}

/** A directory whose children are granted one by one. */
export interface Expanded {
  readonly path: string;
  /** The bits that a rule on the directory itself cannot give. */
  readonly carved: number;
  /** Whether landward could list it. */
  readonly listed: boolean;
}

/**
 * Adds what lies beside denied paths to the tree, so that it can be granted by itself. Symbolic links are left out: what
 * they lead to is judged at its own path. The effects of the tree must be computed again.
 */
export function addSiblings(tree: Tree, effects: Effects, host: Host): readonly Expanded[] {
  const expanded: Expanded[] = [];
  const paths: string[] = [];
  const walk = (node: Node): void => {
    const { carved, expand } = effects.of.get(node)!;
    if (carved !== 0 && expand && !isFile(node)) {
      const names = host.list(node.path);
      expanded.push({ path: node.path, carved, listed: names !== null });
      for (const name of names ?? []) if (!node.children.has(name)) paths.push(join(node.path, name));
    }
    for (const child of node.children.values()) walk(child);
  };
  walk(tree.root);
  const facts = paths.length === 0 ? [] : host.stat(paths);
  paths.forEach((path, index) => {
    const fact = facts[index];
    if (fact && fact.real === path) nodeAt(tree, path).fact = fact;
  });
  return expanded;
}
