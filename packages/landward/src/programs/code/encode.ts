/**
 * Instructions to bytes, little-endian, in the one form that `decode` gives back as the same instruction.
 *
 * Owns field packing. Operands out of range are a caller's mistake and are refused with the slot.
 */

import { type Code, FRAME_REGISTER, type Instruction, type Operand } from './instruction.ts';
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
  JUMP_ALWAYS,
  JUMP_CALL,
  JUMP_EXIT,
  MODE,
  SIZE_CODE,
  SOURCE_REGISTER,
} from './opcodes.ts';

interface Fields {
  readonly code: number;
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly imm?: number;
}

/**
 * Encodes a program.
 *
 * @param code - the slots, as `decode` returns them
 * @returns eight bytes a slot
 * @throws ProgramError where a field does not fit, or a second slot is missing
 */
export function encode(code: Code): Uint8Array {
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (let slot = 0; slot < code.length; slot++) {
    const instruction = code[slot];
    if (instruction === null || instruction === undefined)
      return invalid('is the second half of no instruction', { slot });
    put(view, slot, fieldsOf(instruction));
    if (instruction.op !== 'const' && instruction.op !== 'map') continue;
    if (code[slot + 1] !== null) invalid('needs two slots', { slot });
    const high = instruction.op === 'const' ? BigInt.asUintN(64, instruction.value) >> 32n : 0n;
    put(view, slot + 1, { code: 0, imm: Number(BigInt.asIntN(32, high)) });
    slot++;
  }
  return bytes;
}

function put(view: DataView, slot: number, fields: Fields): void {
  const { code, dst = 0, src = 0, offset = 0, imm = 0 } = fields;
  for (const register of [dst, src])
    if (!Number.isInteger(register) || register < 0 || register > FRAME_REGISTER)
      invalid(`there is no register r${register}`, { slot });
  if (offset !== (offset << 16) >> 16) invalid(`the offset ${offset} does not fit into 16 bits`, { slot });
  if (imm !== (imm | 0)) invalid(`the immediate ${imm} does not fit into 32 bits`, { slot });
  view.setUint8(slot * 8, code);
  view.setUint8(slot * 8 + 1, dst | (src << 4));
  view.setInt16(slot * 8 + 2, offset, true);
  view.setInt32(slot * 8 + 4, imm, true);
}

function operand(source: Operand): { code: number; src?: number; imm?: number } {
  return 'reg' in source ? { code: SOURCE_REGISTER, src: source.reg } : { code: 0, imm: source.imm };
}

function fieldsOf(i: Instruction): Fields {
  switch (i.op) {
    case 'alu': {
      const signed = i.alu === 'sdiv' || i.alu === 'smod';
      const name = i.alu === 'sdiv' ? 'div' : i.alu === 'smod' ? 'mod' : i.alu;
      const source = operand(i.src);
      const code = (i.wide ? CLASS.ALU64 : CLASS.ALU) | ALU_CODE[name] | source.code;
      return { ...source, code, dst: i.dst, offset: signed ? 1 : 0 };
    }
    case 'neg':
      return { code: (i.wide ? CLASS.ALU64 : CLASS.ALU) | ALU_NEG, dst: i.dst };
    case 'movsx': {
      const code = (i.wide ? CLASS.ALU64 : CLASS.ALU) | ALU_CODE.mov | SOURCE_REGISTER;
      return { code, dst: i.dst, src: i.src, offset: i.bits };
    }
    case 'swap': {
      const kind = i.order === 'bswap' ? CLASS.ALU64 : CLASS.ALU;
      return { code: kind | ALU_END | (i.order === 'be' ? SOURCE_REGISTER : 0), dst: i.dst, imm: i.bits };
    }
    case 'load': {
      const mode = i.signed ? MODE.MEMSX : MODE.MEM;
      return { code: CLASS.LDX | SIZE_CODE[i.size] | mode, dst: i.dst, src: i.base, offset: i.offset };
    }
    case 'store': {
      const kind = 'reg' in i.src ? CLASS.STX : CLASS.ST;
      return { ...operand(i.src), code: kind | SIZE_CODE[i.size] | MODE.MEM, dst: i.base, offset: i.offset };
    }
    case 'atomic': {
      const imm = ATOMIC_CODE[i.atomic] | (i.fetch ? ATOMIC_FETCH : 0);
      const code = CLASS.STX | SIZE_CODE[i.size] | MODE.ATOMIC;
      return { code, dst: i.base, src: i.src, offset: i.offset, imm };
    }
    case 'const': {
      const imm = Number(BigInt.asIntN(32, i.value));
      return { code: CLASS.LD | SIZE_CODE[8] | MODE.IMM, dst: i.dst, src: IMM64.VALUE, imm };
    }
    case 'map':
      return { code: CLASS.LD | SIZE_CODE[8] | MODE.IMM, dst: i.dst, src: IMM64.MAP, imm: i.map };
    case 'jump':
      return { code: CLASS.JMP | JUMP_ALWAYS, offset: i.offset };
    case 'branch': {
      const source = operand(i.src);
      const code = (i.wide ? CLASS.JMP : CLASS.JMP32) | CONDITION_CODE[i.condition] | source.code;
      return { ...source, code, dst: i.dst, offset: i.offset };
    }
    case 'call':
      return { code: CLASS.JMP | JUMP_CALL, src: CALL.HELPER, imm: i.helper };
    case 'callLocal':
      return { code: CLASS.JMP | JUMP_CALL, src: CALL.LOCAL, imm: i.offset };
    case 'exit':
      return { code: CLASS.JMP | JUMP_EXIT };
  }
}
