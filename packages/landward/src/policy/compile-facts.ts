/**
 * The paths of a policy on one host: symbolic links followed, missing paths judged, objects known.
 *
 * Asks the host in one batch, and again only for the parents of paths that are missing. Refuses to decide
 * what a rule means: it rewrites paths, it neither adds nor drops a verdict.
 */

import { LandwardError, PolicyErrors } from '../errors.ts';
import { compileGlob, type Glob } from '../model/glob.ts';
import type { PathPattern, PathRule, Rule, RuleLayer, UnixRule } from '../model/rules.ts';
import { ancestorsOf, type Grant, isGrant, ledOut, ledOutError } from './compile-links.ts';
import type { Host, PathFact } from './plan.ts';

/** A rule with the object it is about on this host. */
export interface Located<R extends Rule = Rule> {
  /** As written. */
  readonly rule: R;
  /** The pattern after symbolic links; `null` for a rule without a path. */
  readonly pattern: PathPattern | null;
  /** The pattern as written, where links make it another path: a strict rule holds for both. */
  readonly alias: PathPattern | null;
  /** The object at the pattern's path, or `null` where there is nothing. */
  readonly fact: PathFact | null;
  /** Why an optional rule grants nothing: there is nothing at its path, or a link there leads out of a foreign tree. */
  readonly skipped: false | 'missing' | 'link';
  /** The directory to make, for a missing path that the rule says to create. */
  readonly create: string | null;
}

/** A layer whose rules are located. */
export interface LocatedLayer extends Omit<RuleLayer, 'rules'> {
  readonly rules: readonly Located[];
}

/** The parent of an absolute path; the root is its own. */
export function parentOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
}

/** A name below a directory. */
export function join(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/**
 * The path pattern of a rule about a path or a socket with a path. A glob without a wildcard, but for a trailing `**`,
 * is a path and pins as much as one.
 */
export function patternOf(rule: Rule): PathPattern | null {
  const pattern =
    rule.kind === 'path'
      ? rule.pattern
      : rule.kind === 'unix' && rule.target.kind === 'path'
        ? rule.target.pattern
        : null;
  if (pattern?.kind !== 'glob') return pattern;
  const glob = compileGlob(pattern.glob);
  if (glob.literal === null) return pattern;
  return { kind: coversBelow(rule, glob) ? 'subtree' : 'exact', path: glob.literal };
}

/**
 * Whether what a glob names is a tree: by its trailing `**`, or because a closed directory closes what it holds. Of
 * alternatives that differ, a strict rule takes the wider meaning and a grant the narrower.
 */
export function coversBelow(rule: Rule, glob: Glob): boolean {
  if (rule.verdict === 'allow') return glob.paths.every((reading) => reading.below);
  return rule.verdict !== 'ask' || glob.paths.some((reading) => reading.below);
}

/**
 * Locates every rule.
 *
 * @param foreign trees whose links may not lead a grant out
 * @throws PolicyErrors with PATH_MISSING for every missing path of an allow rule that requires it, and with
 *   POLICY_INVALID where a link in a foreign tree leads a required grant out of it
 */
export function locate(
  layers: readonly RuleLayer[],
  host: Host,
  foreign: readonly string[] = [],
): readonly LocatedLayer[] {
  const paths = new Set<string>(['/']);
  for (const layer of layers) {
    for (const rule of layer.rules) {
      const pattern = patternOf(rule);
      if (pattern !== null) paths.add(pattern.path);
    }
  }
  const facts = factsOf(paths, host);
  const errors: LandwardError[] = [];
  const out = linkedOut(layers, facts, foreign, host);
  const located = layers.map((layer) => ({
    ...layer,
    rules: layer.rules.map((rule) => place(rule, facts, out.get(rule), errors)),
  }));
  if (errors.length > 0) throw new PolicyErrors(errors);
  return located;
}

/** The grants that a link leads out of a foreign tree, each with the tree. */
function linkedOut(
  layers: readonly RuleLayer[],
  facts: ReadonlyMap<string, PathFact | null>,
  foreign: readonly string[],
  host: Host,
): ReadonlyMap<Rule, string> {
  const grants = layers.flatMap((layer) =>
    layer.rules.flatMap((rule): Grant[] => {
      const pattern = isGrant(rule, layer) ? patternOf(rule) : null;
      if (!isGrant(rule, layer) || pattern === null) return [];
      return [{ rule, path: pattern.path, real: realOf(pattern.path, facts) }];
    }),
  );
  const above = grants.flatMap(({ path, real }) => (path === real ? [] : ancestorsOf(path)));
  const reals = new Map(realPaths([...new Set(above)], host));
  return ledOut(grants, foreign, (path) => reals.get(path) ?? path);
}

/** Facts of all paths, and of the parents of the missing ones up to something that exists. */
function factsOf(paths: ReadonlySet<string>, host: Host): ReadonlyMap<string, PathFact | null> {
  const facts = new Map<string, PathFact | null>();
  let asked = [...paths];
  while (asked.length > 0) {
    const answers = host.stat(asked);
    const next = new Set<string>();
    asked.forEach((path, index) => {
      const fact = answers[index] ?? null;
      facts.set(path, fact);
      const parent = parentOf(path);
      if (fact === null && !facts.has(parent)) next.add(parent);
    });
    asked = [...next].filter((path) => !facts.has(path));
  }
  return facts;
}

/** The path that a path leads to, where its last parts may not exist. */
function realOf(path: string, facts: ReadonlyMap<string, PathFact | null>): string {
  let known = path;
  for (;;) {
    const fact = facts.get(known);
    if (fact)
      return known === path ? fact.real : below(fact.real, path.slice(known === '/' ? 0 : known.length));
    if (known === '/') return path;
    known = parentOf(known);
  }
}

function below(directory: string, rest: string): string {
  return directory === '/' ? rest : directory + rest;
}

function place(
  rule: Rule,
  facts: ReadonlyMap<string, PathFact | null>,
  left: string | undefined,
  errors: LandwardError[],
): Located {
  const pattern = patternOf(rule);
  if (pattern === null) return { rule, pattern, alias: null, fact: null, skipped: false, create: null };
  const fact = facts.get(pattern.path) ?? null;
  const real = realOf(pattern.path, facts);
  const moved = real === pattern.path ? pattern : relocate(pattern, real);
  if (isOwnProc(pattern.path, real)) errors.push(ownProcError(rule, pattern.path));
  if (left !== undefined) {
    if (rule.kind !== 'path' || rule.missing !== 'optional')
      errors.push(ledOutError(rule, pattern.path, real, left));
    return { rule, pattern, alias: null, fact: null, skipped: 'link', create: null };
  }
  const base = { rule, pattern: moved, alias: moved === pattern ? null : pattern, fact };
  if (fact !== null || rule.verdict !== 'allow') return { ...base, skipped: false, create: null };
  // Binding makes the socket, so that its path is missing as a rule.
  if (rule.kind === 'unix' && rule.operation === 'bind') return { ...base, skipped: false, create: null };
  const missing = rule.kind === 'path' ? rule.missing : 'optional';
  if (missing === 'required') errors.push(missingError(rule as PathRule));
  if (missing === 'create' && pattern.kind === 'subtree') return { ...base, skipped: false, create: real };
  return { ...base, skipped: 'missing', create: null };
}

/** The same pattern with its literal part replaced. */
function relocate(pattern: PathPattern, real: string): PathPattern {
  if (pattern.kind !== 'glob') return { ...pattern, path: real };
  const rest = pattern.glob.slice(literalLength(pattern.glob, pattern.path));
  return { kind: 'glob', path: real, glob: below(real.replace(/[\\*?[\]{},!]/g, '\\$&'), rest) };
}

/** How many characters of a glob spell its literal directory, escapes counted. */
function literalLength(glob: string, path: string): number {
  if (path === '/') return 0;
  let at = 0;
  for (let matched = 0; matched < path.length && at < glob.length; matched++) at += glob[at] === '\\' ? 2 : 1;
  return at;
}

function missingError(rule: PathRule): LandwardError {
  const path = rule.pattern.path;
  return new LandwardError('PATH_MISSING', `A rule grants '${path}', but there is nothing at this path`, {
    part: path,
    at: rule.origin,
    fix: 'Create it, or say what a missing path means: { path = "…", missing = "optional" } or missing = "create"',
  });
}

/** `/proc/self` and what leads there (`/dev/fd`) is another object for each process: of landward, not of the program. */
function isOwnProc(path: string, real: string): boolean {
  return /^\/proc\/\d+(\/|$)/.test(real) && !/^\/proc\/\d+(\/|$)/.test(path);
}

function ownProcError(rule: Rule, path: string): LandwardError {
  return new LandwardError(
    'POLICY_INVALID',
    `'${path}' leads to the pages of one process, which is not the program's own`,
    {
      part: path,
      at: rule.origin,
      fix: 'Name /proc: Landlock keeps the pages of processes outside from being read where they matter',
    },
  );
}

/** The layer with paths after symbolic links; what a strict rule said about the link itself is kept beside it. */
export function relocatedLayer(layer: LocatedLayer): RuleLayer {
  const rules: Rule[] = [];
  for (const { rule, pattern, alias } of layer.rules) {
    if (pattern === null || alias === null) {
      rules.push(rule);
      continue;
    }
    rules.push(withPattern(rule as PathRule | UnixRule, pattern));
    if (rule.verdict !== 'allow') rules.push(rule);
  }
  return { ...layer, rules };
}

function withPattern(rule: PathRule | UnixRule, pattern: PathPattern): Rule {
  return rule.kind === 'path' ? { ...rule, pattern } : { ...rule, target: { kind: 'path', pattern } };
}

/** Paths with what they lead to after symbolic links, also where their last parts are missing. */
export function realPaths(paths: readonly string[], host: Host): readonly (readonly [string, string])[] {
  const facts = factsOf(new Set(paths), host);
  return paths.map((path) => [path, realOf(path, facts)] as const);
}
