/**
 * Instructions of eBPF as values: what each does, with its operands, free of the encoding's bit fields.
 *
 * Owns the shapes and the limits that every part of the room shares. A program is a list of slots of eight bytes; an
 * instruction with a 64-bit immediate takes two, and the second one is `null`. Offsets count slots from the next one.
 */

/** Operations of the arithmetic class with a source operand. */
export const ALU_OPS = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  'mod',
  'xor',
  'mov',
  'arsh',
  'sdiv',
  'smod',
] as const;
export type AluOp = (typeof ALU_OPS)[number];

/** Conditions of branches; a leading `s` compares signed. */
export const CONDITIONS = ['eq', 'gt', 'ge', 'set', 'ne', 'sgt', 'sge', 'lt', 'le', 'slt', 'sle'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** Read-modify-write operations. `xchg` and `cmpxchg` always fetch. */
export const ATOMIC_OPS = ['add', 'or', 'and', 'xor', 'xchg', 'cmpxchg'] as const;
export type AtomicOp = (typeof ATOMIC_OPS)[number];

/** A register, or a 32-bit immediate that is extended by its sign. */
export type Operand = { readonly reg: number } | { readonly imm: number };

/** Bytes of an access to memory. */
export type Size = 1 | 2 | 4 | 8;

/** One instruction. `wide` is true for 64-bit work; 32-bit work clears the upper half of its result. */
export type Instruction =
  | {
      readonly op: 'alu';
      readonly wide: boolean;
      readonly alu: AluOp;
      readonly dst: number;
      readonly src: Operand;
    }
  | { readonly op: 'neg'; readonly wide: boolean; readonly dst: number }
  | {
      readonly op: 'movsx';
      readonly wide: boolean;
      readonly bits: 8 | 16 | 32;
      readonly dst: number;
      readonly src: number;
    }
  | {
      readonly op: 'swap';
      readonly order: 'le' | 'be' | 'bswap';
      readonly bits: 16 | 32 | 64;
      readonly dst: number;
    }
  | {
      readonly op: 'load';
      readonly size: Size;
      readonly signed: boolean;
      readonly dst: number;
      readonly base: number;
      readonly offset: number;
    }
  | {
      readonly op: 'store';
      readonly size: Size;
      readonly base: number;
      readonly offset: number;
      readonly src: Operand;
    }
  | {
      readonly op: 'atomic';
      readonly size: 4 | 8;
      readonly atomic: AtomicOp;
      readonly fetch: boolean;
      readonly base: number;
      readonly offset: number;
      readonly src: number;
    }
  | { readonly op: 'const'; readonly dst: number; readonly value: bigint }
  | { readonly op: 'map'; readonly dst: number; readonly map: number }
  | { readonly op: 'jump'; readonly offset: number }
  | {
      readonly op: 'branch';
      readonly wide: boolean;
      readonly condition: Condition;
      readonly dst: number;
      readonly src: Operand;
      readonly offset: number;
    }
  | { readonly op: 'call'; readonly helper: number }
  | { readonly op: 'callLocal'; readonly offset: number }
  | { readonly op: 'exit' };

/** The slots of a program. */
export type Code = readonly (Instruction | null)[];

/** Slots that a program may have, subprograms included. */
export const MAX_SLOTS = 4096;

/** Bytes of stack of each frame, below r10. */
export const STACK_BYTES = 512;

/** Frames that may be active at once, the program's own included. */
export const MAX_FRAMES = 8;

/** The register that points behind the frame's stack and cannot be written. */
export const FRAME_REGISTER = 10;

/** Slots that an instruction takes. */
export function slotsOf(instruction: Instruction): 1 | 2 {
  return instruction.op === 'const' || instruction.op === 'map' ? 2 : 1;
}
