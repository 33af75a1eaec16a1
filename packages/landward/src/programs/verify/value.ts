/**
 * What the verifier knows of a register or a slot of the stack: nothing, a range of numbers, or which object it points
 * to. Joining two of them gives what holds on both ways; a mix of kinds holds nothing.
 *
 * Owns the lattice. What instructions do to it is `step.ts`; ranges of arithmetic are `range.ts`.
 */

import type { OpaqueKind } from '../hooks/contexts.ts';

/** The largest unsigned number of 64 and of 32 bits. */
export const MAX_64 = (1n << 64n) - 1n;
export const MAX_32 = (1n << 32n) - 1n;

/** An abstract value. Offsets of `stack` count from the frame's r10, those of `value` from the map value's start. */
export type Value =
  | { readonly is: 'nothing' }
  | { readonly is: 'number'; readonly min: bigint; readonly max: bigint }
  | { readonly is: 'context' }
  | { readonly is: 'stack'; readonly frame: number; readonly offset: number }
  | { readonly is: 'map'; readonly map: number }
  | { readonly is: 'value'; readonly map: number; readonly min: number; readonly max: number }
  | { readonly is: 'value or null'; readonly map: number; readonly call: string }
  | { readonly is: 'object'; readonly kind: OpaqueKind };

export const NOTHING: Value = { is: 'nothing' };
export const ANY_NUMBER: Value = { is: 'number', min: 0n, max: MAX_64 };

/** A number within bounds, both included. */
export function number(min: bigint, max: bigint): Value & { is: 'number' } {
  return { is: 'number', min, max };
}

/** Whether both say the same. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a.is === 'number') return b.is === 'number' && a.min === b.min && a.max === b.max;
  if (a.is === 'stack') return b.is === 'stack' && a.frame === b.frame && a.offset === b.offset;
  if (a.is === 'map') return b.is === 'map' && a.map === b.map;
  if (a.is === 'value') return b.is === 'value' && a.map === b.map && a.min === b.min && a.max === b.max;
  if (a.is === 'value or null') return b.is === 'value or null' && a.map === b.map && a.call === b.call;
  if (a.is === 'object') return b.is === 'object' && a.kind === b.kind;
  return a.is === b.is;
}

/**
 * What holds on both ways; `old` itself where it says it already.
 *
 * @param widen - gives up a bound that moved, so that loops come to an end
 */
export function joinValues(old: Value, more: Value, widen: boolean): Value {
  if (sameValue(old, more)) return old;
  if (old.is === 'number' && more.is === 'number') {
    if (more.min >= old.min && more.max <= old.max) return old;
    const min = more.min < old.min ? (widen ? 0n : more.min) : old.min;
    const max = more.max > old.max ? (widen ? MAX_64 : more.max) : old.max;
    return number(min, max);
  }
  if (old.is === 'value' && more.is === 'value' && old.map === more.map) {
    if (more.min >= old.min && more.max <= old.max) return old;
    if (!widen) return { ...old, min: Math.min(old.min, more.min), max: Math.max(old.max, more.max) };
  }
  return NOTHING;
}

/** A value in words, for messages. */
export function describe(value: Value): string {
  switch (value.is) {
    case 'nothing':
      return 'not initialised on every way here';
    case 'number':
      return value.min === value.max
        ? `the number ${value.min}`
        : `a number from ${value.min} to ${value.max}`;
    case 'context':
      return 'the context';
    case 'stack':
      return 'a pointer to the stack';
    case 'map':
      return 'a map';
    case 'value':
      return 'a pointer to a value of a map';
    case 'value or null':
      return 'a pointer to a value of a map that was not compared with 0';
    case 'object':
      return `${value.kind === 'inode' ? 'an' : 'a'} ${value.kind}`;
  }
}
