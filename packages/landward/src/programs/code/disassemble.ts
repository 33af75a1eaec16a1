/**
 * Instructions as text, in the notation that LLVM's tools print: `r1 = *(u64 *)(r10 - 8)`, `if w0 s> 3 goto +2`.
 *
 * `assemble` reads the same text back, which is how the text is known to say everything.
 */

import type { AluOp, Code, Condition, Instruction, Operand } from './instruction.ts';

/** The sign of each arithmetic operation. */
export const ALU_SIGN = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
  sdiv: 's/=',
  smod: 's%=',
} as const satisfies Record<AluOp, string>;

/** The sign of each condition. */
export const CONDITION_SIGN = {
  eq: '==',
  gt: '>',
  ge: '>=',
  set: '&',
  ne: '!=',
  sgt: 's>',
  sge: 's>=',
  lt: '<',
  le: '<=',
  slt: 's<',
  sle: 's<=',
} as const satisfies Record<Condition, string>;

const register = (wide: boolean, number: number) => `${wide ? 'r' : 'w'}${number}`;
const signed = (value: number) => (value < 0 ? `- ${-value}` : `+ ${value}`);
const hop = (offset: number) => (offset < 0 ? `${offset}` : `+${offset}`);
const operand = (wide: boolean, source: Operand) =>
  'reg' in source ? register(wide, source.reg) : `${source.imm}`;

/** One instruction as text. */
export function instructionText(i: Instruction): string {
  switch (i.op) {
    case 'alu':
      return `${register(i.wide, i.dst)} ${ALU_SIGN[i.alu]} ${operand(i.wide, i.src)}`;
    case 'neg':
      return `${register(i.wide, i.dst)} = -${register(i.wide, i.dst)}`;
    case 'movsx':
      return `${register(i.wide, i.dst)} = (s${i.bits})${register(i.wide, i.src)}`;
    case 'swap':
      return `r${i.dst} = ${i.order}${i.bits} r${i.dst}`;
    case 'load':
      return `r${i.dst} = *(${i.signed ? 's' : 'u'}${i.size * 8} *)(r${i.base} ${signed(i.offset)})`;
    case 'store':
      return `*(u${i.size * 8} *)(r${i.base} ${signed(i.offset)}) = ${operand(true, i.src)}`;
    case 'atomic':
      return atomicText(i);
    case 'const':
      return `r${i.dst} = 0x${i.value.toString(16)} ll`;
    case 'map':
      return `r${i.dst} = map[${i.map}] ll`;
    case 'jump':
      return `goto ${hop(i.offset)}`;
    case 'branch': {
      const sides = `${register(i.wide, i.dst)} ${CONDITION_SIGN[i.condition]} ${operand(i.wide, i.src)}`;
      return `if ${sides} goto ${hop(i.offset)}`;
    }
    case 'call':
      return `call ${i.helper}`;
    case 'callLocal':
      return `call pc${hop(i.offset)}`;
    case 'exit':
      return 'exit';
  }
}

function atomicText(i: Instruction & { op: 'atomic' }): string {
  const wide = i.size === 8;
  const place = `(u${i.size * 8} *)(r${i.base} ${signed(i.offset)})`;
  const source = register(wide, i.src);
  if (i.atomic === 'cmpxchg')
    return `${register(wide, 0)} = cmpxchg(${place}, ${register(wide, 0)}, ${source})`;
  if (i.atomic === 'xchg') return `${source} = xchg(${place}, ${source})`;
  if (i.fetch) return `${source} = atomic_fetch_${i.atomic}(${place}, ${source})`;
  return `lock *${place} ${ALU_SIGN[i.atomic]} ${source}`;
}

/**
 * Prints a program.
 *
 * @returns one line an instruction, with the number of its slot; a 64-bit immediate's second slot has none
 */
export function disassemble(code: Code): string {
  const width = String(code.length - 1).length;
  return code
    .flatMap((instruction, slot) =>
      instruction === null ? [] : [`${String(slot).padStart(width)}: ${instructionText(instruction)}`],
    )
    .join('\n');
}
