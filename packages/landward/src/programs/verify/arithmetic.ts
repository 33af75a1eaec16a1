/**
 * What arithmetic does to abstract values: numbers get ranges, two kinds of pointers can be moved inside of what they
 * point to, and nothing can be computed with any other.
 *
 * Owns the rules of operands; ranges are `range.ts`.
 */

import type { Instruction } from '../code/instruction.ts';
import { low, sign, swapBytes } from '../run/arithmetic.ts';
import { moved, type Refuse } from './access.ts';
import { lowHalf, rangeOfArithmetic } from './range.ts';
import { describe, MAX_32, MAX_64, number, type Value } from './value.ts';

/** A value that must be a number. */
export function asNumber(value: Value, refuse: Refuse): Value & { is: 'number' } {
  if (value.is === 'number') return value;
  if (value.is === 'nothing') return refuse(`an operand is ${describe(value)}`);
  return refuse(`no arithmetic on ${describe(value)}`);
}

/** What an `alu` instruction puts into its destination. */
export function alu(i: Instruction & { op: 'alu' }, left: Value, right: Value, refuse: Refuse): Value {
  if (i.alu === 'mov') {
    if (right.is === 'nothing') return refuse(`the source is ${describe(right)}`);
    if (i.wide) return right;
  } else if (left.is === 'nothing') return refuse(`the destination is ${describe(left)}`);
  if (i.wide && (i.alu === 'add' || i.alu === 'sub')) {
    if (left.is !== 'number' && right.is === 'number') return displaced(left, right, i.alu === 'sub', refuse);
    if (left.is === 'number' && right.is !== 'number' && right.is !== 'nothing' && i.alu === 'add')
      return displaced(right, left, false, refuse);
  }
  const a = i.alu === 'mov' ? number(0n, 0n) : asNumber(left, refuse);
  const { min, max } = rangeOfArithmetic(i.alu, i.wide, a, asNumber(right, refuse));
  return number(min, max);
}

function displaced(pointer: Value, by: Value & { is: 'number' }, back: boolean, refuse: Refuse): Value {
  if (pointer.is === 'stack') {
    if (by.min !== by.max) return refuse('a pointer to the stack can only be moved by a constant');
    const offset = pointer.offset + Number(sign(64, by.min)) * (back ? -1 : 1);
    if (Math.abs(offset) > 2 ** 20) return refuse('the pointer leaves the stack');
    return { ...pointer, offset };
  }
  if (pointer.is === 'value')
    return moved(pointer, by, back) ?? refuse(`the pointer is moved by ${describe(by)}: bound it first`);
  return asNumber(pointer, refuse);
}

/** What negation, sign extension and byte swaps give. */
export function unary(
  i: Instruction & { op: 'neg' | 'movsx' | 'swap' },
  value: Value,
  refuse: Refuse,
): Value {
  const from = asNumber(value, refuse);
  const width = i.op === 'swap' ? i.bits : i.wide ? 64 : 32;
  const most = width === 64 ? MAX_64 : (1n << BigInt(width)) - 1n;
  if (from.min === from.max) {
    const result = constant(i, from.min);
    return number(result, result);
  }
  if (i.op === 'swap' && i.order === 'le' && from.max <= most) return from;
  if (i.op === 'movsx') {
    const source = i.wide ? from : lowHalf(from);
    if (source.max < 1n << BigInt(i.bits - 1)) return number(source.min, source.max);
  }
  return number(0n, most);
}

/** The same on a constant. */
export function constant(i: Instruction & { op: 'neg' | 'movsx' | 'swap' }, value: bigint): bigint {
  switch (i.op) {
    case 'neg':
      return i.wide ? low(64, -value) : low(32, -(value & MAX_32));
    case 'movsx':
      return low(i.wide ? 64 : 32, sign(i.bits, value));
    case 'swap':
      return i.order === 'le' ? low(i.bits, value) : swapBytes(i.bits, value);
  }
}
