/**
 * Moving and linking: what a layer says of `rename`, `link` and `exchange`.
 *
 * Landlock asks for the removal at the source, the making at the destination, `fs.refer` on both when the directory
 * changes, and that the object gains no right by its new place. A policy decides by path, so the last is asked even
 * inside one directory (a denied `.env` must not become a readable `env.txt`), and for a directory it is asked of
 * everything below, known or not: a move that cannot be shown to give nothing away is refused.
 */

import type { FsRight } from '../../uapi/landlock.ts';
import { parentOf } from '../paths.ts';
import type { PathRule, Request, Verdict } from '../rules.ts';
import {
  type Answer,
  answerBelow,
  answerRights,
  fold,
  type IndexedLayer,
  type RightAnswer,
} from './layer.ts';
import { type Inner, innerRules } from './match-path.ts';
import { compareVerdicts, isClosed, stricter } from './precedence.ts';
import {
  ALL_RIGHTS,
  ENTRY_RIGHTS,
  FILE_RIGHTS,
  type PathRight,
  pathMask,
  pathRights,
  spokenMask,
} from './rights.ts';

type ReferRequest = Extract<Request, { kind: 'refer' }>;

/** A layer's answer to a move or link. `gains` tells that the only obstacle is the new place or `fs.refer`. */
export interface ReferAnswer {
  readonly answer: Answer;
  readonly gains: boolean;
}

/** Answers a move or link. */
export function answerRefer(indexed: IndexedLayer, request: ReferRequest): ReferAnswer {
  const { from, to, operation, there } = request;
  const directory = request.directory === true;
  const remove: FsRight = directory ? 'fs.remove_dir' : 'fs.remove_file';
  const make: FsRight = request.make ?? (directory ? 'fs.make_dir' : 'fs.make_reg');
  const removeThere: FsRight =
    there === undefined ? remove : there.directory ? 'fs.remove_dir' : 'fs.remove_file';
  const refer: FsRight[] = parentOf(from) === parentOf(to) ? [] : ['fs.refer'];
  const source: FsRight[] = [
    ...(operation === 'link' ? [] : [remove]),
    ...(operation === 'exchange' ? [there?.make ?? make] : []),
    ...refer,
  ];
  const target: FsRight[] = [
    ...(operation === 'exchange' || request.replaces === true ? [removeThere] : []),
    make,
    ...refer,
  ];
  const answers = [
    fold(answerRights(indexed, from, pathMask(source))),
    fold(answerRights(indexed, to, pathMask(target))),
  ].filter((answer) => answer !== null);

  // An object of unknown type is taken for a directory: a move must not free what may lie below it.
  const maybeDirectory = operation === 'link' ? directory : request.directory !== false;
  const gained = gainedRights(indexed, from, to, maybeDirectory);
  // What lies at the other end of an exchange and is not known is taken for a directory.
  if (operation === 'exchange') gained.push(...gainedRights(indexed, to, from, there?.directory !== false));
  if (gained.length > 0) {
    const by = gained.find(({ rule }) => rule !== undefined)?.rule;
    const missing = pathRights(pathMask(gained.map(({ right }) => right)));
    const verdict = gained.map((gain) => gain.verdict).reduce(stricter);
    answers.push({ verdict, missing, ...(by === undefined ? {} : { rule: by }) });
  }
  if (answers.length === 0) return { answer: null, gains: false };

  const worst = answers.reduce((a, b) => (compareVerdicts(b.verdict, a.verdict) < 0 ? b : a));
  const missing = pathRights(pathMask(answers.flatMap((answer) => answer.missing as PathRight[])));
  const ends = answers.slice(0, gained.length > 0 ? -1 : undefined).flatMap((answer) => answer.missing);
  return {
    answer: { ...worst, missing },
    gains: missing.length > 0 && ends.every((right) => right === 'fs.refer'),
  };
}

interface Gain {
  readonly right: PathRight;
  /** What the layer said of the source: the move is refused or asked just as the access would be. */
  readonly verdict: Verdict;
  readonly rule?: PathRule;
}

/** The rights that the object, or something below it, may have at `to` and not at `from`. */
function gainedRights(indexed: IndexedLayer, from: string, to: string, directory: boolean): Gain[] {
  if (from === to) return [];
  const own = directory ? ALL_RIGHTS & ~ENTRY_RIGHTS : FILE_RIGHTS;
  const gains = widened(answerRights(indexed, from, own), answerRights(indexed, to, own));
  if (!directory) return gains;

  const below = new Map<PathRight, Gain>(gains.map((gain) => [gain.right, gain]));
  const ambientFrom = answerBelow(indexed, from, ALL_RIGHTS);
  const ambientTo = answerBelow(indexed, to, ALL_RIGHTS);
  const ambient = new Map(widened(ambientFrom, ambientTo).map((gain) => [gain.right, gain]));
  const closingFrom = innerRules(indexed.paths, from, (verdict) => verdict !== 'allow');
  const closingTo = innerRules(indexed.paths, to, (verdict) => verdict !== 'allow');
  const openingFrom = innerRules(indexed.paths, from, (verdict) => !isClosed(verdict));
  const openingTo = innerRules(indexed.paths, to, (verdict) => !isClosed(verdict));
  for (const right of pathRights(ALL_RIGHTS)) {
    const speaks = ({ rule }: Inner<PathRule>) => (spokenMask(rule) & pathMask([right])) !== 0;
    const shutTo = isClosed(ambientTo.get(right)?.verdict ?? 'allow');
    const openFrom = (ambientFrom.get(right)?.verdict ?? 'allow') === 'allow';
    const opening = openingTo.filter(speaks);
    const closing = closingFrom.filter(speaks);
    if (shutTo && opening.length === 0) continue;
    if (openFrom && closing.length === 0) continue;
    const widens = ambient.get(right);
    const freed = closing.find((inner) => !keptBy(inner, closingTo));
    const opened = opening.find((inner) => !keptBy(inner, openingFrom));
    if (widens !== undefined) below.set(right, widens);
    else if (freed !== undefined) below.set(right, { right, verdict: freed.rule.verdict, rule: freed.rule });
    else if (opened !== undefined) below.set(right, { right, verdict: 'deny', rule: opened.rule });
  }
  return [...below.values()];
}

function widened(
  from: ReadonlyMap<PathRight, RightAnswer<PathRule>>,
  to: ReadonlyMap<PathRight, RightAnswer<PathRule>>,
): Gain[] {
  const gains: Gain[] = [];
  for (const [right, answer] of from) {
    const before = answer.verdict ?? 'allow';
    const after = to.get(right)?.verdict ?? 'allow';
    if (isClosed(after) || compareVerdicts(before, after) >= 0) continue;
    gains.push({ right, verdict: before, ...(answer.rule === undefined ? {} : { rule: answer.rule }) });
  }
  return gains;
}

/** Whether the same rule applies in the other place to at least all that it applies to here. */
function keptBy(inner: Inner<PathRule>, others: readonly Inner<PathRule>[]): boolean {
  const other = others.find(({ rule }) => rule === inner.rule);
  if (other === undefined || inner.live === null || other.live === null) return false;
  return inner.live.every((states, reading) =>
    states.every((state) => other.live![reading]!.includes(state)),
  );
}
