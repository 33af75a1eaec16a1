/**
 * Rulesets in pairs: one that its holder goes on changing and that nobody can enforce, and any number that are derived from it and
 * are enforced, each with rules of its own besides.
 *
 * Owns what a pair shares and what each of the two is good for. A value, as everything here: what was enforced is a layer that
 * names its changing half.
 */

import { done, type Result, refused } from '../landlock/result.ts';
import { type Content, type Edit, EMPTY, edit, type LayerRequest } from './content.ts';
import { lacking } from './world.ts';

export type PairKey = number;

/** The half that changes. Its descriptor is closed by execve. */
export interface ChangingHalf {
  readonly kind: 'changing';
  readonly key: PairKey;
  readonly closeOnExec: true;
  readonly draft: Content;
  /** `null` as long as nothing was committed: then it grants nothing, whatever was drafted. */
  readonly committed: Content | null;
}

/** The half that is enforced. */
export interface EnforcedHalf {
  readonly kind: 'enforced';
  readonly of: PairKey;
  readonly fixed: Content;
}

/** Makes a ruleset that changes. What it handles, its pair handles. */
export function changingHalf(
  key: PairKey,
  handled: Pick<Content, 'handledFs' | 'handledNet' | 'handledCalls'>,
): ChangingHalf {
  return { kind: 'changing', key, closeOnExec: true, draft: { ...EMPTY, ...handled }, committed: null };
}

/** Derives a ruleset to enforce; it handles the same, and there can be many. */
export function derive({ key, draft }: ChangingHalf): EnforcedHalf {
  const { handledFs, handledNet, handledCalls } = draft;
  return { kind: 'enforced', of: key, fixed: { ...EMPTY, handledFs, handledNet, handledCalls } };
}

/**
 * Adds rules: to the changing half as a draft, to the other for good. Neither ever handles more than it was made with.
 *
 * @returns EINVAL for rights that are not handled, ENOMSG for a rule that says nothing
 */
export function addTo<H extends ChangingHalf | EnforcedHalf>(half: H, edits: readonly Edit[]): Result<H> {
  if (edits.some(({ kind }) => kind === 'handle')) return refused('EINVAL');
  const next = edit(half.kind === 'changing' ? half.draft : half.fixed, edits);
  if (!next.ok) return next;
  return done({ ...half, ...(half.kind === 'changing' ? { draft: next.value } : { fixed: next.value }) });
}

/** Makes the draft count for everything that was derived. */
export function commitHalf(half: ChangingHalf): ChangingHalf {
  return { ...half, committed: half.draft };
}

/**
 * Enforces a ruleset on a thread whose layers are given.
 *
 * @returns its layers, or EBADFD for the half that changes, E2BIG for more than 16
 */
export function enforce(
  layers: readonly EnforcedHalf[],
  half: ChangingHalf | EnforcedHalf,
): Result<readonly EnforcedHalf[]> {
  if (half.kind === 'changing') return refused('EBADFD');
  if (layers.length >= 16) return refused('E2BIG');
  return done([...layers, half]);
}

/** Whether a request is allowed: each layer has it fixed, or its changing half has committed it. */
export function decidePairs(
  layers: readonly EnforcedHalf[],
  halves: ReadonlyMap<PairKey, ChangingHalf>,
  request: LayerRequest,
): boolean {
  return layers.every(({ of, fixed }) => {
    const committed = halves.get(of)?.committed ?? null;
    return (
      lacking({ key: of, fixed, committed: committed === null ? [] : [committed], version: 0 }, request) === 0
    );
  });
}
