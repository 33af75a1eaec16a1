/**
 * Which path rules cover a path, and how much of it each pins.
 *
 * - A literal subtree pins its root's components; `exact` and a whole match by a glob pin all; literal beats glob.
 * - A glob that ends in `**` is the subtree below whatever the part before it matches.
 * - A deny or hide whose glob names a directory also closes what is below it; an allow or ask does not open that.
 *
 * Literal rules are found by the path's own prefixes, so their number does not slow a decision down.
 */

import { compileGlob, type Glob, walkGlob, walkReading } from '../glob.ts';
import { components, prefixes } from '../paths.ts';
import type { PathPattern, Rule, Verdict } from '../rules.ts';
import { byOrigin, type Candidate, isClosed } from './precedence.ts';
import { spokenMask } from './rights.ts';

interface Literal<R extends Rule> {
  readonly rule: R;
  readonly spoken: number;
  readonly subtree: boolean;
}

/** A rule whose objects are known by a glob. */
export interface Globbed<R extends Rule> {
  readonly rule: R;
  readonly spoken: number;
  readonly glob: Glob;
}

/** Rules with paths, indexed. */
export interface PathIndex<R extends Rule> {
  readonly literals: ReadonlyMap<string, readonly Literal<R>[]>;
  readonly globs: readonly Globbed<R>[];
}

/** A rule that covers a path. `entry` tells whether it also covers the entry itself, see `ENTRY_RIGHTS`. */
export interface PathCandidate<R extends Rule> extends Candidate<R> {
  /** The mask of the rights that the rule speaks about; none of a rule that is not about paths. */
  readonly spoken: number;
  readonly entry: boolean;
  /** Whether the rule covers everything below as well. */
  readonly below: boolean;
}

/**
 * Indexes rules by their patterns.
 *
 * @throws LandwardError `POLICY_INVALID` for a glob that cannot be compiled
 */
export function indexPaths<R extends Rule>(
  rules: readonly { readonly rule: R; readonly pattern: PathPattern }[],
): PathIndex<R> {
  const literals = new Map<string, Literal<R>[]>();
  const globs: Globbed<R>[] = [];
  for (const { rule, pattern } of rules) {
    const spoken = rule.kind === 'path' ? spokenMask(rule) : 0;
    const glob = pattern.kind === 'glob' ? compileGlob(pattern.glob) : null;
    if (glob !== null && glob.literal === null) {
      globs.push({ rule, spoken, glob });
    } else {
      const path = glob === null ? pattern.path : glob.literal!;
      const subtree = glob === null ? pattern.kind === 'subtree' : glob.below || isClosed(rule.verdict);
      const found = literals.get(path);
      if (found === undefined) literals.set(path, [{ rule, spoken, subtree }]);
      else found.push({ rule, spoken, subtree });
    }
  }
  return { literals, globs };
}

const LITERAL = 1;

/** The rules that cover a path in normal form. */
export function coverPath<R extends Rule>(index: PathIndex<R>, path: string): PathCandidate<R>[] {
  const found: PathCandidate<R>[] = [];
  const chain = prefixes(path);
  const depth = chain.length - 1;
  for (const [pinned, prefix] of chain.entries()) {
    for (const { rule, spoken, subtree } of index.literals.get(prefix) ?? []) {
      if (!subtree && pinned !== depth) continue;
      const entry = pinned < depth || !subtree || isClosed(rule.verdict);
      found.push({ rule, spoken, pins: pinned * 2 + LITERAL, entry, below: subtree });
    }
  }
  if (index.globs.length > 0) {
    const parts = components(path);
    for (const globbed of index.globs) found.push(...coverGlob(globbed, parts));
  }
  return found;
}

/** What one glob rule says of a path: at most one candidate for the object and one for its entry. */
function coverGlob<R extends Rule>(
  { rule, spoken, glob }: Globbed<R>,
  parts: readonly string[],
): PathCandidate<R>[] {
  const found: PathCandidate<R>[] = [];
  for (const reading of glob.paths) {
    const { accepted } = walkReading(reading, parts);
    const subtree = reading.below || isClosed(rule.verdict);
    for (const pinned of accepted) {
      if (!subtree && pinned !== parts.length) continue;
      const entry = pinned < parts.length || !reading.below || isClosed(rule.verdict);
      found.push({ rule, spoken, pins: pinned * 2, entry, below: subtree });
    }
  }
  return found;
}

/** A rule that can match strictly below a path, with what it needs there. */
export interface Inner<R extends Rule> {
  readonly rule: R;
  /** `null` for a literal; else the live states of each reading of the glob. */
  readonly live: readonly (readonly number[])[] | null;
}

/** The rules with one of the verdicts that may match something strictly below a directory. */
export function innerRules<R extends Rule>(
  index: PathIndex<R>,
  path: string,
  wanted: (verdict: Verdict, rule: R) => boolean,
): Inner<R>[] {
  const found: Inner<R>[] = [];
  const root = path === '/' ? '/' : `${path}/`;
  for (const [literal, rules] of index.literals) {
    if (literal === '/' || !literal.startsWith(root)) continue;
    for (const { rule } of rules) if (wanted(rule.verdict, rule)) found.push({ rule, live: null });
  }
  const parts = components(path);
  for (const { rule, glob } of index.globs) {
    if (!wanted(rule.verdict, rule)) continue;
    const { live } = walkGlob(glob, parts);
    if (live.some((states) => states.length > 0)) found.push({ rule, live });
  }
  return found.sort((a, b) => byOrigin(a.rule, b.rule));
}
