/**
 * What arithmetic, byte swaps and comparisons of eBPF give, on unsigned 64-bit BigInts.
 *
 * Owns the semantics for the interpreter and for constants in the verifier; the compiler has its own, and the two are
 * compared on random programs. Division by zero gives 0, its remainder is the dividend; 32-bit results clear the
 * upper half; a shift takes the low 6 or 5 bits of its count.
 */

import type { AluOp, Condition } from '../code/instruction.ts';

/** The low bits of a value, unsigned. */
export const low = (bits: number, value: bigint): bigint => BigInt.asUintN(bits, value);

/** The low bits of a value, by their sign. */
export const sign = (bits: number, value: bigint): bigint => BigInt.asIntN(bits, value);

/**
 * One arithmetic operation.
 *
 * @param wide - 64-bit, else on the low halves
 * @param left - unsigned 64-bit
 * @param right - unsigned 64-bit; an immediate is extended by its sign first
 */
export function arithmetic(alu: AluOp, wide: boolean, left: bigint, right: bigint): bigint {
  const bits = wide ? 64 : 32;
  const a = low(bits, left);
  const b = low(bits, right);
  const count = b & BigInt(bits - 1);
  switch (alu) {
    case 'add':
      return low(bits, a + b);
    case 'sub':
      return low(bits, a - b);
    case 'mul':
      return low(bits, a * b);
    case 'div':
      return b === 0n ? 0n : a / b;
    case 'mod':
      return b === 0n ? a : a % b;
    case 'sdiv':
      return b === 0n ? 0n : low(bits, sign(bits, a) / sign(bits, b));
    case 'smod':
      return b === 0n ? a : low(bits, sign(bits, a) % sign(bits, b));
    case 'or':
      return a | b;
    case 'and':
      return a & b;
    case 'xor':
      return a ^ b;
    case 'mov':
      return b;
    case 'lsh':
      return low(bits, a << count);
    case 'rsh':
      return a >> count;
    case 'arsh':
      return low(bits, sign(bits, a) >> count);
  }
}

/** The value with its low bytes in the other order; bits above `bits` are cleared. */
export function swapBytes(bits: 16 | 32 | 64, value: bigint): bigint {
  let result = 0n;
  for (let shift = 0n; shift < bits; shift += 8n) result = (result << 8n) | ((value >> shift) & 0xffn);
  return result;
}

/** Whether a branch is taken. */
export function holds(condition: Condition, wide: boolean, left: bigint, right: bigint): boolean {
  const bits = wide ? 64 : 32;
  const a = low(bits, left);
  const b = low(bits, right);
  switch (condition) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'set':
      return (a & b) !== 0n;
    case 'sgt':
      return sign(bits, a) > sign(bits, b);
    case 'sge':
      return sign(bits, a) >= sign(bits, b);
    case 'slt':
      return sign(bits, a) < sign(bits, b);
    case 'sle':
      return sign(bits, a) <= sign(bits, b);
  }
}
