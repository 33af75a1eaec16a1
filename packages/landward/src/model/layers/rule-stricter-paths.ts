/**
 * Comparing two sets of rules about paths, right by right, over all paths that there could be.
 *
 * Literal rules divide all paths into finitely many places where the same ones cover: the literals themselves, and what is
 * below each. Globs can match anywhere, so they are compared as texts, and where a literal rule of one version may
 * lose to a glob and that of the other may not, the worst is assumed.
 */

import { coverPath, type PathCandidate, type PathIndex } from '../rules/match-path.ts';
import { isClosed, winner } from '../rules/precedence.ts';
import type { Rule } from '../rules.ts';

/** How much an answer gives: 0 nothing, 1 nothing but by the silence of the policy, 2 what is asked about, 3 everything. */
export type Weight = 0 | 1 | 2 | 3;

/** What is compared: one right, or one operation. */
export interface Compared<R extends Rule> {
  /** Whether a rule that covers a path speaks about the right there. */
  speaks(candidate: PathCandidate<R>): boolean;
  /** What a glob rule says, as text; `null` where it does not speak about the right at all. */
  key(rule: R): string | null;
  weight(rule: R): Weight;
  /** What no rule gives. */
  readonly absent: Weight;
}

/** Whether `next` gives no more than `before` at any path. */
export function isStricterByPath<R extends Rule>(
  next: PathIndex<R>,
  before: PathIndex<R>,
  compared: Compared<R>,
): boolean {
  if (!globsTakeOnly(next, before, compared)) return false;
  const weights = next.globs
    .filter(({ rule }) => compared.key(rule) !== null)
    .map(({ rule }) => compared.weight(rule));
  const least = Math.min(...weights, 3);
  const most = Math.max(...weights, 0);
  const has = weights.length > 0;
  return places(next, before).every((path) => {
    const [now, then] = [standing(next, path, compared), standing(before, path, compared)];
    if (now.weight > then.weight) return false;
    if (!has || now.pins === then.pins) return true;
    // A glob that pins more than one of the two literals and less than the other decides in one version only.
    return now.pins > then.pins ? now.weight <= least : most <= then.weight;
  });
}

/** Grants may have gone and denials come; what is asked about stays. */
function globsTakeOnly<R extends Rule>(
  next: PathIndex<R>,
  before: PathIndex<R>,
  { key }: Compared<R>,
): boolean {
  const keys = ({ globs }: PathIndex<R>, wanted: (rule: R) => boolean) =>
    new Set(globs.flatMap(({ rule }) => (wanted(rule) ? (key(rule) ?? []) : [])));
  const within = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].every((one) => b.has(one));
  const allows = (rule: R) => rule.verdict === 'allow';
  const closes = (rule: R) => isClosed(rule.verdict);
  const asks = (rule: R) => rule.verdict === 'ask';
  return (
    within(keys(next, allows), keys(before, allows)) &&
    within(keys(before, closes), keys(next, closes)) &&
    within(keys(next, asks), keys(before, asks)) &&
    within(keys(before, asks), keys(next, asks))
  );
}

/** One path for each place where other literal rules cover: each literal, and a name below it that no rule spells. */
function places(...indexes: readonly PathIndex<Rule>[]): string[] {
  const literals = new Set(['/', ...indexes.flatMap(({ literals }) => [...literals.keys()])]);
  const longest = Math.max(...[...literals].map((path) => path.length));
  const unknown = 'x'.repeat(longest + 1);
  return [...literals].flatMap((path) => [path, path === '/' ? `/${unknown}` : `${path}/${unknown}`]);
}

/** What the literal rules say of a path, and how much they pin. */
function standing<R extends Rule>(
  { literals }: PathIndex<R>,
  path: string,
  compared: Compared<R>,
): { readonly weight: Weight; readonly pins: number } {
  const speaking = coverPath({ literals, globs: [] }, path).filter((candidate) => compared.speaks(candidate));
  const found = winner(speaking);
  return found === undefined
    ? { weight: compared.absent, pins: -1 }
    : { weight: compared.weight(found.rule), pins: found.pins };
}
