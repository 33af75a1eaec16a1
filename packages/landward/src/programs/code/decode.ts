/**
 * Bytes to instructions. Only the exact encodings of the subset are known: a reserved field that is not zero is an
 * error, so that no instruction means less here than elsewhere.
 *
 * Owns unpacking. Whether the instructions make a program is the verifier's.
 */

import {
  type AluOp,
  type Code,
  FRAME_REGISTER,
  type Instruction,
  MAX_SLOTS,
  type Operand,
  type Size,
} from './instruction.ts';
import { invalid } from './invalid.ts';
import {
  ALU_CODE,
  ALU_END,
  ALU_NEG,
  ATOMIC_CODE,
  ATOMIC_FETCH,
  CALL,
  CLASS,
  CONDITION_CODE,
  IMM64,
  inverse,
  JUMP_ALWAYS,
  JUMP_CALL,
  JUMP_EXIT,
  MODE,
  SIZE_CODE,
  SOURCE_REGISTER,
} from './opcodes.ts';

interface Raw {
  readonly slot: number;
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
}

const ALU_NAME = inverse(ALU_CODE);
const CONDITION_NAME = inverse(CONDITION_CODE);
const ATOMIC_NAME = inverse(ATOMIC_CODE);
const SIZE_OF = new Map([...inverse(SIZE_CODE)].map(([code, size]) => [code, Number(size) as Size]));

/**
 * Decodes a program.
 *
 * @param bytes - eight bytes a slot
 * @returns its slots; the second of a 64-bit immediate is `null`
 * @throws ProgramError with the slot of the first thing that is not an instruction of the subset
 */
export function decode(bytes: Uint8Array): Code {
  if (bytes.length === 0) return invalid('the program is empty');
  if (bytes.length % 8 !== 0) return invalid(`${bytes.length} bytes are not a whole number of instructions`);
  if (bytes.length / 8 > MAX_SLOTS)
    return invalid(`the program has ${bytes.length / 8} instructions, more than ${MAX_SLOTS}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const code: (Instruction | null)[] = [];
  while (code.length < bytes.length / 8) {
    const raw = rawAt(view, code.length);
    if (raw.code !== (CLASS.LD | SIZE_CODE[8] | MODE.IMM)) {
      code.push(decodeOne(raw));
      continue;
    }
    if (raw.slot + 1 >= bytes.length / 8) unknown(raw, 'a 64-bit immediate without its second half');
    code.push(wideImmediate(raw, rawAt(view, raw.slot + 1)), null);
  }
  return code;
}

function rawAt(view: DataView, slot: number): Raw {
  const registers = view.getUint8(slot * 8 + 1);
  return {
    slot,
    code: view.getUint8(slot * 8),
    dst: registers & 15,
    src: registers >> 4,
    offset: view.getInt16(slot * 8 + 2, true),
    imm: view.getInt32(slot * 8 + 4, true),
  };
}

function unknown(raw: Raw, what: string): never {
  return invalid(what, { slot: raw.slot, text: `opcode 0x${raw.code.toString(16).padStart(2, '0')}` });
}

/** Refuses fields that the instruction does not use, and registers that do not exist. */
function unused(raw: Raw, ...fields: readonly ('dst' | 'src' | 'offset' | 'imm')[]): void {
  for (const field of fields)
    if (raw[field] !== 0) unknown(raw, `the unused field ${field} is ${raw[field]}, not 0`);
  for (const field of ['dst', 'src'] as const)
    if (raw[field] > FRAME_REGISTER) unknown(raw, `there is no register r${raw[field]}`);
}

function wideImmediate(raw: Raw, second: Raw): Instruction {
  if (second.code !== 0) unknown(raw, 'a 64-bit immediate without its second half');
  unused(second, 'dst', 'src', 'offset');
  const { dst, src, imm } = raw;
  unused({ ...raw, src: 0 }, 'offset');
  const value = (BigInt.asUintN(32, BigInt(second.imm)) << 32n) | BigInt.asUintN(32, BigInt(imm));
  if (src === IMM64.VALUE) return { op: 'const', dst, value };
  if (src !== IMM64.MAP)
    return unknown(raw, `a 64-bit immediate of kind ${src}: only numbers and maps are known`);
  unused(second, 'imm');
  return { op: 'map', dst, map: imm };
}

function operandOf(raw: Raw): Operand {
  const register = (raw.code & SOURCE_REGISTER) !== 0;
  unused(raw, register ? 'imm' : 'src');
  return register ? { reg: raw.src } : { imm: raw.imm };
}

function decodeOne(raw: Raw): Instruction {
  const kind = raw.code & 7;
  switch (kind) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return arithmetic(raw, kind === CLASS.ALU64);
    case CLASS.JMP:
    case CLASS.JMP32:
      return jump(raw, kind === CLASS.JMP);
    case CLASS.LDX:
    case CLASS.ST:
    case CLASS.STX:
      return memory(raw, kind);
    default:
      return unknown(raw, 'no instruction of the subset');
  }
}

function arithmetic(raw: Raw, wide: boolean): Instruction {
  const { code, dst, src, offset, imm } = raw;
  const operation = code & 0xf0;
  if (operation === ALU_END) {
    unused(raw, 'src', 'offset');
    const big = (code & SOURCE_REGISTER) !== 0;
    if ((wide && big) || (imm !== 16 && imm !== 32 && imm !== 64))
      return unknown(raw, 'no byte swap of the subset');
    return { op: 'swap', order: wide ? 'bswap' : big ? 'be' : 'le', bits: imm, dst };
  }
  if (operation === ALU_NEG) {
    if ((code & SOURCE_REGISTER) !== 0) return unknown(raw, 'no instruction of the subset');
    unused(raw, 'src', 'offset', 'imm');
    return { op: 'neg', wide, dst };
  }
  const name = ALU_NAME.get(operation);
  if (name === undefined) return unknown(raw, 'no instruction of the subset');
  const source = operandOf(raw);
  if (name === 'mov' && 'reg' in source && offset !== 0) {
    if (offset !== 8 && offset !== 16 && !(offset === 32 && wide))
      return unknown(raw, `no move of ${offset} bits`);
    return { op: 'movsx', wide, bits: offset, dst, src };
  }
  const signed = (name === 'div' || name === 'mod') && offset === 1;
  if (!signed) unused(raw, 'offset');
  const alu: AluOp = signed ? (name === 'div' ? 'sdiv' : 'smod') : name;
  return { op: 'alu', wide, alu, dst, src: source };
}

function jump(raw: Raw, wide: boolean): Instruction {
  const { code, dst, src, offset, imm } = raw;
  const operation = code & 0xf0;
  const condition = CONDITION_NAME.get(operation);
  if (condition !== undefined) return { op: 'branch', wide, condition, dst, src: operandOf(raw), offset };
  if ((code & SOURCE_REGISTER) !== 0) return unknown(raw, 'no instruction of the subset');
  if (operation === JUMP_ALWAYS) {
    unused(raw, 'dst', 'src', wide ? 'imm' : 'offset');
    return { op: 'jump', offset: wide ? offset : imm };
  }
  if (!wide) return unknown(raw, 'no instruction of the subset');
  if (operation === JUMP_EXIT) {
    unused(raw, 'dst', 'src', 'offset', 'imm');
    return { op: 'exit' };
  }
  if (operation !== JUMP_CALL) return unknown(raw, 'no instruction of the subset');
  unused({ ...raw, src: 0 }, 'dst', 'offset');
  if (src === CALL.HELPER) return { op: 'call', helper: imm };
  if (src === CALL.LOCAL) return { op: 'callLocal', offset: imm };
  return unknown(raw, `a call of kind ${src}: only helpers and functions of the program are known`);
}

function memory(raw: Raw, kind: number): Instruction {
  const { code, dst, src, offset, imm } = raw;
  const size = SIZE_OF.get(code & 0x18)!;
  const mode = code & 0xe0;
  if (kind === CLASS.LDX && (mode === MODE.MEM || (mode === MODE.MEMSX && size !== 8))) {
    unused(raw, 'imm');
    return { op: 'load', size, signed: mode === MODE.MEMSX, dst, base: src, offset };
  }
  if (kind === CLASS.ST && mode === MODE.MEM) {
    unused(raw, 'src');
    return { op: 'store', size, base: dst, offset, src: { imm } };
  }
  if (kind === CLASS.STX && mode === MODE.MEM) {
    unused(raw, 'imm');
    return { op: 'store', size, base: dst, offset, src: { reg: src } };
  }
  if (kind !== CLASS.STX || mode !== MODE.ATOMIC || (size !== 4 && size !== 8))
    return unknown(raw, 'no memory access of the subset');
  unused(raw);
  const fetch = (imm & ATOMIC_FETCH) !== 0;
  const always = (imm & 0xe0) === 0xe0;
  const atomic = ATOMIC_NAME.get(imm & ~ATOMIC_FETCH);
  if (atomic === undefined || (always && !fetch))
    return unknown(raw, `no atomic operation 0x${imm.toString(16)}`);
  return { op: 'atomic', size, atomic, fetch, base: dst, offset, src };
}
