/**
 * One rule layer, indexed, and its answer to every request that is not a move or link (those are `refer.ts`).
 *
 * A category that the layer lists is denied unless a rule allows; one that it does not list is touched only where a
 * rule speaks. Metadata rights are never denied by absence: Landlock leaves them free, and so does a policy that
 * is silent about them.
 */

import { bug } from '../../errors.ts';
import type {
  Category,
  LayerAnswer,
  NetRule,
  PathRule,
  Request,
  Rule,
  RuleLayer,
  ScopeRule,
  UnixRule,
  Verdict,
} from '../rules.ts';
import { coverNet, type IndexedNet, indexNet } from './match-net.ts';
import { coverPath, indexPaths, type PathCandidate, type PathIndex } from './match-path.ts';
import { coverUnix, indexUnix, type UnixIndex } from './match-unix.ts';
import { type Candidate, compareVerdicts, winner } from './precedence.ts';
import { ENTRY_RIGHTS, META_RIGHTS, type PathRight, pathMask, pathRights } from './rights.ts';

/** A layer made ready for many requests. Immutable. */
export interface IndexedLayer {
  readonly layer: RuleLayer;
  readonly paths: PathIndex<PathRule>;
  readonly net: readonly IndexedNet[];
  readonly unix: UnixIndex;
  readonly scopes: readonly ScopeRule[];
}

/** Indexes a layer. Throws a `LandwardError` for a glob or address that cannot be read. */
export function indexLayer(layer: RuleLayer): IndexedLayer {
  const of = <K extends Rule['kind']>(kind: K) =>
    layer.rules.filter((rule): rule is Extract<Rule, { kind: K }> => rule.kind === kind);
  return {
    layer,
    paths: indexPaths(of('path').map((rule) => ({ rule, pattern: rule.pattern }))),
    net: indexNet(of('net')),
    unix: indexUnix(of('unix')),
    scopes: of('scope'),
  };
}

/** What a layer says of one right, and by which rule. `verdict` is absent where the layer does not restrict it. */
export interface RightAnswer<R extends Rule = Rule> {
  readonly verdict?: Verdict;
  readonly rule?: R;
}

/** A layer's answer before it is numbered; `null` where the layer does not restrict the request. */
export type Answer = Omit<LayerAnswer, 'layer' | 'name'> | null;

function listed(indexed: IndexedLayer, category: Category): boolean {
  return indexed.layer.categories.includes(category);
}

function settle<R extends Rule>(found: Candidate<R> | undefined, restricted: boolean): RightAnswer<R> {
  if (found !== undefined) return { verdict: found.rule.verdict, rule: found.rule };
  return restricted ? { verdict: 'deny' } : {};
}

/** Answers each right of a mask for the object at `path`. */
export function answerRights(
  indexed: IndexedLayer,
  path: string,
  mask: number,
): Map<PathRight, RightAnswer<PathRule>> {
  const covering = coverPath(indexed.paths, path);
  return new Map(pathRights(mask).map((right) => [right, answerRight(indexed, covering, right)]));
}

/** Answers each right of a mask for an object below the directory `path` that no inner rule covers. */
export function answerBelow(
  indexed: IndexedLayer,
  path: string,
  mask: number,
): Map<PathRight, RightAnswer<PathRule>> {
  const covering = coverPath(indexed.paths, path)
    .filter((candidate) => candidate.below)
    .map((candidate) => ({ ...candidate, entry: true }));
  return new Map(pathRights(mask).map((right) => [right, answerRight(indexed, covering, right)]));
}

function answerRight(
  indexed: IndexedLayer,
  covering: readonly PathCandidate<PathRule>[],
  right: PathRight,
): RightAnswer<PathRule> {
  const bit = pathMask([right]);
  const speaking = covering.filter(({ spoken, entry }) => spoken & bit && (entry || !(bit & ENTRY_RIGHTS)));
  return settle(winner(speaking), listed(indexed, 'fs') && !(bit & META_RIGHTS));
}

/** Folds the answers for several rights into one: the strictest, named by a rule where there is one. */
export function fold<N extends LayerAnswer['missing'][number]>(answers: ReadonlyMap<N, RightAnswer>): Answer {
  let worst: RightAnswer | undefined;
  const missing: N[] = [];
  for (const [right, answer] of answers) {
    if (answer.verdict === undefined) continue;
    if (answer.verdict !== 'allow') missing.push(right);
    const order = worst === undefined ? -1 : compareVerdicts(answer.verdict, worst.verdict!);
    if (order < 0 || (order === 0 && worst!.rule === undefined && answer.rule !== undefined)) worst = answer;
  }
  if (worst === undefined) return null;
  return {
    verdict: worst.verdict!,
    missing,
    ...(worst.rule === undefined ? {} : { rule: worst.rule }),
  };
}

/** The scope of abstract sockets speaks about reaching any of them; a rule that names some pins more. */
function scopesOn(
  indexed: IndexedLayer,
  request: Extract<Request, { kind: 'unix' }>,
): Candidate<ScopeRule>[] {
  if (request.path !== undefined || request.operation !== 'connect') return [];
  return indexed.scopes
    .filter((rule) => rule.scope === 'scope.abstract_unix_socket')
    .map((rule) => ({ rule, pins: -1 }));
}

/** The layer's answer to a request that concerns one object. */
export function answerLayer(indexed: IndexedLayer, request: Exclude<Request, { kind: 'refer' }>): Answer {
  switch (request.kind) {
    case 'path':
      return fold(answerRights(indexed, request.path, pathMask(request.rights)));
    case 'net': {
      const found = winner(coverNet(indexed.net, request));
      return fold(new Map([[request.right, settle<NetRule>(found, listed(indexed, 'net'))]]));
    }
    case 'unix': {
      const found = winner<Candidate<UnixRule | ScopeRule>>([
        ...coverUnix(indexed.unix, request),
        ...scopesOn(indexed, request),
      ]);
      const asked = `unix.${request.operation}` as const;
      return fold(new Map([[asked, settle<UnixRule | ScopeRule>(found, listed(indexed, 'unix'))]]));
    }
    case 'scope': {
      const category: Category = request.scope === 'scope.signal' ? 'process' : 'unix';
      const found = winner(
        indexed.scopes.filter((rule) => rule.scope === request.scope).map((rule) => ({ rule, pins: 0 })),
      );
      return fold(new Map([[request.scope, settle<ScopeRule>(found, listed(indexed, category))]]));
    }
    default:
      return bug(`request of kind ${(request as Request).kind}`);
  }
}
