/**
 * One straight-line instruction of eBPF as WebAssembly: registers are locals of 64 bits, memory is the machine's.
 *
 * Owns arithmetic, accesses and atomic operations. Jumps, calls and functions are `function.ts`. Where WebAssembly would
 * trap (division by zero, the least number divided by -1), the code tests first.
 */

import type { AluOp, Instruction, Operand, Size } from '../code/instruction.ts';
import { constant64, TYPE, WASM } from './bytes.ts';

/** Locals behind the eleven registers: two for 64-bit intermediates, one for the block to go on with. */
export const LOCALS = { left: 11, right: 12, block: 13 } as const;

const get = (local: number) => [WASM.localGet, local];
const set = (local: number) => [WASM.localSet, local];
const mask32 = [...constant64(0xffff_ffffn), WASM.i64And];

/** A source on the stack. */
export function operand(source: Operand): number[] {
  return 'reg' in source ? get(source.reg) : constant64(BigInt(source.imm));
}

/** A source on the stack, its low 32 bits only where the work is 32-bit; signed or unsigned. */
export function narrow(code: readonly number[], wide: boolean, isSigned: boolean): number[] {
  if (wide) return [...code];
  return [...code, ...(isSigned ? [WASM.i64Extend32S] : mask32)];
}

const DIRECT: Partial<Record<AluOp, number>> = {
  add: WASM.i64Add,
  sub: WASM.i64Sub,
  mul: WASM.i64Mul,
  or: WASM.i64Or,
  and: WASM.i64And,
  xor: WASM.i64Xor,
};
const SHIFT: Partial<Record<AluOp, number>> = { lsh: WASM.i64Shl, rsh: WASM.i64ShrU, arsh: WASM.i64ShrS };

/** The result of arithmetic on two sources, on the stack, with a cleared upper half where the work is 32-bit. */
function arithmetic(alu: AluOp, wide: boolean, left: readonly number[], right: readonly number[]): number[] {
  const clear = wide ? [] : mask32;
  if (alu === 'mov') return [...right, ...clear];
  const direct = DIRECT[alu];
  if (direct !== undefined) return [...left, ...right, direct, ...clear];
  const shift = SHIFT[alu];
  if (shift !== undefined) {
    const count = [...right, ...constant64(wide ? 63n : 31n), WASM.i64And];
    return [...narrow(left, wide, alu === 'arsh'), ...count, shift, ...clear];
  }
  return [...division(alu as 'div', wide, left, right), ...clear];
}

function division(
  alu: 'div' | 'mod' | 'sdiv' | 'smod',
  wide: boolean,
  left: readonly number[],
  right: readonly number[],
): number[] {
  const isSigned = alu === 'sdiv' || alu === 'smod';
  const quotient = alu === 'div' || alu === 'sdiv';
  const operands = [
    ...narrow(left, wide, isSigned),
    ...set(LOCALS.left),
    ...narrow(right, wide, isSigned),
    ...set(LOCALS.right),
  ];
  const both = [...get(LOCALS.left), ...get(LOCALS.right)];
  const byZero = quotient ? constant64(0n) : get(LOCALS.left);
  const plain = isSigned
    ? [...both, quotient ? WASM.i64DivS : WASM.i64RemS]
    : [...both, quotient ? WASM.i64DivU : WASM.i64RemU];
  // Dividing by -1 negates; the remainder is 0 (which WebAssembly gives without a trap).
  const guarded =
    alu === 'sdiv'
      ? [
          ...get(LOCALS.right),
          ...constant64(-1n),
          WASM.i64Eq,
          WASM.if,
          TYPE.i64,
          ...constant64(0n),
          ...get(LOCALS.left),
          WASM.i64Sub,
          WASM.else,
          ...plain,
          WASM.end,
        ]
      : plain;
  return [
    ...operands,
    ...get(LOCALS.right),
    WASM.i64Eqz,
    WASM.if,
    TYPE.i64,
    ...byZero,
    WASM.else,
    ...guarded,
    WASM.end,
  ];
}

/** Bytes in the other order, the rest cleared. */
function swapped(bits: 16 | 32 | 64, from: number): number[] {
  const code = constant64(0n);
  for (let at = 0; at < bits; at += 8) {
    code.push(...get(from), ...constant64(BigInt(at)), WASM.i64ShrU, ...constant64(0xffn), WASM.i64And);
    code.push(...constant64(BigInt(bits - 8 - at)), WASM.i64Shl, WASM.i64Or);
  }
  return code;
}

const LOAD = { 1: 0x31, 2: 0x33, 4: 0x35, 8: 0x29 } as const satisfies Record<Size, number>;
const LOAD_SIGNED = { 1: 0x30, 2: 0x32, 4: 0x34, 8: 0x29 } as const satisfies Record<Size, number>;
const STORE = { 1: 0x3c, 2: 0x3d, 4: 0x3e, 8: 0x37 } as const satisfies Record<Size, number>;
// Alignment is a hint, and 1 is always true.
const PLAIN = [0, 0];

/** The address of an access, on the stack. The offset is added here, because WebAssembly's are unsigned. */
function address(base: number, offset: number): number[] {
  return [...get(base), ...constant64(BigInt(offset)), WASM.i64Add, WASM.i32WrapI64];
}

function atomic(i: Instruction & { op: 'atomic' }): number[] {
  const wide = i.size === 8;
  const place = address(i.base, i.offset);
  const old = [...place, LOAD[i.size], ...PLAIN, ...set(LOCALS.left)];
  const put = (value: readonly number[]) => [...place, ...value, STORE[i.size], ...PLAIN];
  if (i.atomic === 'cmpxchg') {
    const value = [
      ...get(i.src),
      ...get(LOCALS.left),
      ...narrow(get(0), wide, false),
      ...get(LOCALS.left),
      WASM.i64Eq,
      WASM.select,
    ];
    return [...old, ...put(value), ...get(LOCALS.left), ...set(0)];
  }
  const value = i.atomic === 'xchg' ? get(i.src) : arithmetic(i.atomic, true, get(LOCALS.left), get(i.src));
  return [...old, ...put(value), ...(i.fetch ? [...get(LOCALS.left), ...set(i.src)] : [])];
}

const EXTEND = { 8: WASM.i64Extend8S, 16: WASM.i64Extend16S, 32: WASM.i64Extend32S } as const;

/** Code of an instruction that is neither a jump nor a call. */
export function straight(
  i: Exclude<Instruction, { op: 'jump' | 'branch' | 'call' | 'callLocal' | 'exit' }>,
  handleOfMap: (index: number) => number,
): number[] {
  switch (i.op) {
    case 'alu':
      return [...arithmetic(i.alu, i.wide, get(i.dst), operand(i.src)), ...set(i.dst)];
    case 'neg':
      return [...arithmetic('sub', i.wide, constant64(0n), get(i.dst)), ...set(i.dst)];
    case 'movsx':
      return [...get(i.src), EXTEND[i.bits], ...(i.wide ? [] : mask32), ...set(i.dst)];
    case 'swap': {
      const whole =
        i.bits === 64 ? get(i.dst) : [...get(i.dst), ...constant64((1n << BigInt(i.bits)) - 1n), WASM.i64And];
      return [...(i.order === 'le' ? whole : swapped(i.bits, i.dst)), ...set(i.dst)];
    }
    case 'const':
      return [...constant64(i.value), ...set(i.dst)];
    case 'map':
      return [...constant64(BigInt(handleOfMap(i.map))), ...set(i.dst)];
    case 'load':
      return [...address(i.base, i.offset), (i.signed ? LOAD_SIGNED : LOAD)[i.size], ...PLAIN, ...set(i.dst)];
    case 'store':
      return [...address(i.base, i.offset), ...operand(i.src), STORE[i.size], ...PLAIN];
    case 'atomic':
      return atomic(i);
  }
}
