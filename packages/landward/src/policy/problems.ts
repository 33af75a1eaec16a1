/**
 * Collects the problems of a policy, so that a person sees all of them at once and no partial policy exists.
 *
 * Owns collecting, ordering and the "did you mean" of a message. Printing is `diagnostic.ts`.
 */

import { type Code, LandwardError, PolicyErrors } from '../errors.ts';
import { lineText, type Source } from './source.ts';
import type { Place } from './tree.ts';

/** More problems than a person reads; the rest are counted. */
const MAX_PROBLEMS = 100;
/** More problems than are kept for putting them in order: an error costs a stack trace. */
const MAX_KEPT = 1000;

/** Where problems are put while a policy is read. */
export interface Problems {
  /** Notes a problem at a place. */
  add(
    place: Place,
    message: string,
    detail?: { readonly fix?: string | undefined; readonly part?: string; readonly code?: Code },
  ): void;
  /** Notes an error that was raised elsewhere; every error of a `PolicyErrors` counts. */
  addError(error: LandwardError): void;
  /** Makes a text known, so that messages can show its lines. */
  know(source: Source): void;
  readonly count: number;
  /** Throws `PolicyErrors` (or the one error) when there is any problem. */
  throwIfAny(): void;
}

/** An empty collection. */
export function problems(): Problems {
  const errors: LandwardError[] = [];
  let dropped = 0;
  const sources = new Map<string, Source>();
  return {
    add(place, message, detail = {}) {
      if (errors.length >= MAX_KEPT) {
        dropped++;
        return;
      }
      const source = sources.get(place.at.file);
      const inText = place.at.line > 0;
      errors.push(
        new LandwardError(
          detail.code ?? 'POLICY_INVALID',
          inText || place.where === '' ? message : `${place.where}: ${message}`,
          {
            at: place.at,
            source: source === undefined || !inText ? undefined : lineText(source, place.at.line),
            fix: detail.fix,
            part: detail.part,
          },
        ),
      );
    },
    addError(error) {
      errors.push(...(error instanceof PolicyErrors ? error.errors : [error]));
    },
    know(source) {
      sources.set(source.file, source);
    },
    get count() {
      return errors.length + dropped;
    },
    throwIfAny() {
      const different = new Map(errors.map((error) => [JSON.stringify([error.at, error.message]), error]));
      const all = inOrder([...different.values()]);
      if (all.length === 0) return;
      if (all.length === 1) throw all[0]!;
      const shown = all.slice(0, MAX_PROBLEMS);
      const more = all.length - shown.length + dropped;
      if (more > 0)
        shown.push(
          new LandwardError('POLICY_INVALID', `There are ${more} more problems`, { at: shown.at(-1)!.at }),
        );
      throw new PolicyErrors(shown);
    },
  };
}

/** Errors of one text together, in the order of their places; texts in the order of their first error. */
function inOrder(errors: readonly LandwardError[]): LandwardError[] {
  const files = [...new Set(errors.map(({ at }) => at?.file))];
  const rank = ({ at }: LandwardError) => [files.indexOf(at?.file), at?.line ?? 0, at?.column ?? 0] as const;
  return errors.toSorted((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
  });
}

/** The candidate that a misspelt word was probably meant to be, or undefined. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 40) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Edits between two words; two letters in the wrong order are one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      current.push(least);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length]!;
}
