/**
 * Ranges of numbers through arithmetic and branches: always at least the values that can come out.
 *
 * Owns bounds only, as unsigned 64-bit numbers; what it cannot bound is any number. Constants are folded by
 * `run/arithmetic.ts`, so that the verifier computes with the interpreter's own semantics.
 */

import type { AluOp, Condition } from '../code/instruction.ts';
import { arithmetic, holds } from '../run/arithmetic.ts';
import { MAX_32, MAX_64, number } from './value.ts';

/** Bounds, both included. */
export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
const larger = (a: bigint, b: bigint) => (a > b ? a : b);
const isConstant = (range: Range) => range.min === range.max;

/** All bits up to the highest one of a number. */
function filled(value: bigint): bigint {
  return value === 0n ? 0n : (1n << BigInt(value.toString(2).length)) - 1n;
}

/** The range of a value of which only the low 32 bits are looked at. */
export function lowHalf(range: Range): Range {
  return range.max <= MAX_32 ? range : number(0n, MAX_32);
}

/** What arithmetic on two ranges can give. */
export function rangeOfArithmetic(alu: AluOp, wide: boolean, left: Range, right: Range): Range {
  if (isConstant(right) && (isConstant(left) || alu === 'mov')) {
    const result = arithmetic(alu, wide, left.min, right.min);
    return { min: result, max: result };
  }
  const most = wide ? MAX_64 : MAX_32;
  const a = wide ? left : lowHalf(left);
  const b = wide ? right : lowHalf(right);
  const within = (min: bigint, max: bigint): Range => (max <= most ? { min, max } : { min: 0n, max: most });
  const count = isConstant(b) ? b.min & (wide ? 63n : 31n) : undefined;
  switch (alu) {
    case 'mov':
      return b;
    case 'add':
      return within(a.min + b.min, a.max + b.max);
    case 'sub':
      return a.min >= b.max ? { min: a.min - b.max, max: a.max - b.min } : { min: 0n, max: most };
    case 'mul':
      return within(a.min * b.min, a.max * b.max);
    case 'div':
      return isConstant(b) && b.min > 0n
        ? { min: a.min / b.min, max: a.max / b.min }
        : { min: 0n, max: a.max };
    case 'mod':
      return { min: 0n, max: b.min > 0n ? smaller(a.max, b.max - 1n) : a.max };
    case 'and':
      return { min: 0n, max: smaller(a.max, b.max) };
    case 'or':
      return { min: larger(a.min, b.min), max: filled(larger(a.max, b.max)) };
    case 'xor':
      return { min: 0n, max: filled(larger(a.max, b.max)) };
    case 'lsh':
      return count === undefined ? { min: 0n, max: most } : within(a.min << count, a.max << count);
    case 'rsh':
      return count === undefined ? { min: 0n, max: a.max } : { min: a.min >> count, max: a.max >> count };
    case 'arsh':
      if (a.max > most >> 1n) return { min: 0n, max: most };
      return count === undefined ? { min: 0n, max: a.max } : { min: a.min >> count, max: a.max >> count };
    case 'sdiv':
    case 'smod':
      return { min: 0n, max: most };
  }
}

const OPPOSITE = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  le: 'gt',
  ge: 'lt',
  lt: 'ge',
  sgt: 'sle',
  sle: 'sgt',
  sge: 'slt',
  slt: 'sge',
} as const satisfies Record<Exclude<Condition, 'set'>, Condition>;

/** Signed conditions on numbers without the sign bit are these. */
const UNSIGNED = { sgt: 'gt', sge: 'ge', slt: 'lt', sle: 'le' } as const;

/**
 * What is known of both sides on one way out of a branch.
 *
 * @param taken - the way
 * @returns both ranges, or nothing where the branch never goes this way
 */
export function rangesAfter(
  condition: Condition,
  wide: boolean,
  taken: boolean,
  left: Range,
  right: Range,
): readonly [Range, Range] | undefined {
  const same = [left, right] as const;
  if (isConstant(left) && isConstant(right))
    return holds(condition, wide, left.min, right.min) === taken ? same : undefined;
  const most = wide ? MAX_64 : MAX_32;
  if (left.max > most || right.max > most || condition === 'set') return same;
  const name = taken ? condition : OPPOSITE[condition];
  const signed = name in UNSIGNED;
  if (signed && (left.max > most >> 1n || right.max > most >> 1n)) return same;
  const ranges = narrowed(signed ? UNSIGNED[name as keyof typeof UNSIGNED] : name, left, right);
  return ranges.some(({ min, max }) => min > max) ? undefined : ranges;
}

function narrowed(condition: Condition, a: Range, b: Range): readonly [Range, Range] {
  switch (condition) {
    case 'eq': {
      const both = { min: larger(a.min, b.min), max: smaller(a.max, b.max) };
      return [both, both];
    }
    case 'ne':
      return [without(a, b), without(b, a)];
    case 'gt':
      return [
        { min: larger(a.min, b.min + 1n), max: a.max },
        { min: b.min, max: smaller(b.max, a.max - 1n) },
      ];
    case 'ge':
      return [
        { min: larger(a.min, b.min), max: a.max },
        { min: b.min, max: smaller(b.max, a.max) },
      ];
    case 'lt':
    case 'le': {
      const [right, left] = narrowed(condition === 'lt' ? 'gt' : 'ge', b, a);
      return [left, right];
    }
    default:
      return [a, b];
  }
}

/** A range less a constant at one of its ends. */
function without(a: Range, b: Range): Range {
  if (!isConstant(b)) return a;
  if (a.min === b.min) return { min: a.min + 1n, max: a.max };
  return a.max === b.min ? { min: a.min, max: a.max - 1n } : a;
}
