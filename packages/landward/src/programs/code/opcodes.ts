/**
 * Numbers of the instruction encoding: classes, sizes, modes, operations (RFC 9669, sections 3 to 5).
 *
 * Owns the tables that `decode.ts` and `encode.ts` read in opposite directions; nothing here has behaviour.
 */

import type { AtomicOp, Condition, Size } from './instruction.ts';

/** The class: the three low bits of an opcode. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** The source bit of arithmetic and branches: a register instead of the immediate. */
export const SOURCE_REGISTER = 0x08;

/** Arithmetic, the four high bits. Signed division is division with offset 1. */
export const ALU_CODE = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
} as const;
export const ALU_NEG = 0x80;
export const ALU_END = 0xd0;

/** Branches, the four high bits. */
export const CONDITION_CODE = {
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
} as const satisfies Record<Condition, number>;
export const JUMP_ALWAYS = 0x00;
export const JUMP_CALL = 0x80;
export const JUMP_EXIT = 0x90;

/** The source register field of a call: a helper by number, or a function of the program. */
export const CALL = { HELPER: 0, LOCAL: 1 } as const;

/** The source register field of a 64-bit immediate: a number, or a map. */
export const IMM64 = { VALUE: 0, MAP: 1 } as const;

/** Sizes of memory accesses, bits 3 and 4. */
export const SIZE_CODE = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 } as const satisfies Record<Size, number>;

/** Modes of memory accesses, the three high bits. */
export const MODE = { IMM: 0x00, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;

/** Atomic operations in the immediate; `FETCH` is a bit of its own. */
export const ATOMIC_CODE = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  xchg: 0xe0,
  cmpxchg: 0xf0,
} as const satisfies Record<AtomicOp, number>;
export const ATOMIC_FETCH = 0x01;

/** A table read from its values to its names. */
export function inverse<K extends string | number>(
  table: Readonly<Record<K, number>>,
): ReadonlyMap<number, K> {
  return new Map(Object.entries(table).map(([name, code]) => [code as number, name as K]));
}
