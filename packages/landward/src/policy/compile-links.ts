/**
 * Grants that symbolic links lead out of a tree which others fill: the project, temporary files, and every tree in which
 * the policy lets programs make links. Whoever can make a link there would choose what is granted at the next start.
 *
 * Owns only the check of where a link stands and where it leads. What a refused grant becomes is `compile-facts.ts`.
 */

import { LandwardError } from '../errors.ts';
import { isBelow } from '../model/paths.ts';
import type { PathRule, Rule, RuleLayer, UnixRule } from '../model/rules.ts';

/** A grant with what its path leads to. */
export interface Grant {
  readonly rule: PathRule | UnixRule;
  /** The literal path as written. */
  readonly path: string;
  /** The same after symbolic links. */
  readonly real: string;
}

/** The grants of the layers that grant; a limit gives nothing, wherever its links lead. */
export function isGrant(rule: Rule, layer: Pick<RuleLayer, 'kind'>): rule is PathRule | UnixRule {
  return layer.kind === 'grant' && rule.verdict === 'allow' && (rule.kind === 'path' || rule.kind === 'unix');
}

/**
 * Finds the grants that a link in a foreign tree leads out of it.
 *
 * A grant stays where another one gives the same to what the link leads to: the policy names that place itself then.
 *
 * @param grants all grants of the policy
 * @param foreign absolute paths, after symbolic links, of trees that others fill
 * @param realOf where a path leads
 * @returns the rules, each with the tree that it leaves
 */
export function ledOut(
  grants: readonly Grant[],
  foreign: readonly string[],
  realOf: (path: string) => string,
): ReadonlyMap<Rule, string> {
  const linking = grants.filter(({ rule }) => rule.kind === 'path' && rule.rights.includes('fs.make_sym'));
  const trees = [...new Set([...foreign, ...linking.map(({ real }) => real)])];
  const found = new Map<Rule, string>();
  for (const { rule, path, real } of grants) {
    if (path === real) continue;
    // A directory on the way may stand in the tree by a link of its own.
    const places = [path, ...ancestorsOf(path).map(realOf)];
    const tree = trees.find((each) => places.some((place) => isBelow(place, each)) && !isBelow(real, each));
    if (tree !== undefined && !isNamed(rule, real, grants)) found.set(rule, tree);
  }
  return found;
}

function isNamed(rule: PathRule | UnixRule, real: string, grants: readonly Grant[]): boolean {
  if (rule.kind !== 'path') return false;
  return grants.some(
    (other) =>
      other.rule.kind === 'path' &&
      other.rule.pattern.kind === 'subtree' &&
      other.path === other.real &&
      isBelow(real, other.path) &&
      rule.rights.every((right) => (other.rule as PathRule).rights.includes(right)),
  );
}

/** The directories above a path, without the root. */
export function ancestorsOf(path: string): string[] {
  const above: string[] = [];
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1))
    above.push(path.slice(0, cut));
  return above;
}

/** The error for a grant that a link leads out of a foreign tree. */
export function ledOutError(rule: Rule, path: string, real: string, tree: string): LandwardError {
  return new LandwardError(
    'POLICY_INVALID',
    `A rule grants '${path}', but a symbolic link in '${tree}' leads to '${real}', outside: whoever makes links there would choose what is granted`,
    {
      part: path,
      at: rule.origin,
      fix: `Take the link away, or grant '${real}' by its own name if it is meant`,
    },
  );
}
