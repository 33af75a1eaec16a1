/**
 * Text to instructions: the notation of `disassemble`, with labels (`again:` and `goto again`), names of maps
 * (`r1 = map[seen] ll`) and comments (from `;` or `//` to the end of the line).
 *
 * Owns reading of text. Numbers before a colon, as `disassemble` prints them, are passed over.
 */

import { ALU_SIGN, CONDITION_SIGN } from './disassemble.ts';
import type { AluOp, AtomicOp, Code, Condition, Instruction, Operand, Size } from './instruction.ts';
import { ProgramError } from './invalid.ts';

const ALU = new Map(Object.entries(ALU_SIGN).map(([name, sign]) => [sign as string, name as AluOp]));
const CONDITION = new Map(
  Object.entries(CONDITION_SIGN).map(([name, sign]) => [sign as string, name as Condition]),
);

type Hop = (target: string) => number;
type Reader = (parts: readonly string[], hop: Hop, maps: readonly string[]) => Instruction | undefined;

const PLACE = String.raw`\((?:u|s)(8|16|32|64) \*\)\(r(\d+) ([+-]) (\d+)\)`;
const HOP = String.raw`([+-]\d+|[A-Za-z_]\w*)`;
const size = (bits: string | undefined) => (Number(bits) / 8) as Size;
const offset = (sign: string | undefined, value: string | undefined) =>
  (sign === '-' ? -Number(value) : Number(value)) + 0;
const wide = (letter: string | undefined) => letter === 'r';

function source(word: string | undefined, isWide: boolean): Operand | undefined {
  const register = /^([rw])(\d+)$/.exec(word ?? '');
  if (register !== null) return wide(register[1]) === isWide ? { reg: Number(register[2]) } : undefined;
  return /^-?(?:0x[0-9a-f]+|\d+)$/.test(word ?? '') ? { imm: immediate(word!) } : undefined;
}

function immediate(word: string): number {
  const value = word.startsWith('-') ? -Number(word.slice(1)) : Number(word);
  // Hexadecimal is read as the 32 bits that it spells.
  return word.startsWith('0x') && value <= 0xffff_ffff ? value | 0 : value + 0;
}

const READERS: readonly (readonly [RegExp, Reader])[] = [
  [/^exit$/, () => ({ op: 'exit' })],
  [/^call (\d+)$/, ([, helper]) => ({ op: 'call', helper: Number(helper) })],
  [new RegExp(`^call pc${HOP}$`), ([, target], hop) => ({ op: 'callLocal', offset: hop(target!) })],
  [/^call ([A-Za-z_]\w*)$/, ([, target], hop) => ({ op: 'callLocal', offset: hop(target!) })],
  [new RegExp(`^goto ${HOP}$`), ([, target], hop) => ({ op: 'jump', offset: hop(target!) })],
  [
    new RegExp(String.raw`^if ([rw])(\d+) (\S+) (\S+) goto ${HOP}$`),
    ([, letter, dst, sign, word, target], hop) => {
      const condition = CONDITION.get(sign!);
      const src = source(word, wide(letter));
      if (condition === undefined || src === undefined) return undefined;
      return { op: 'branch', wide: wide(letter), condition, dst: Number(dst), src, offset: hop(target!) };
    },
  ],
  [
    /^r(\d+) = (0x[0-9a-f]+|\d+) ll$/,
    ([, dst, value]) => ({ op: 'const', dst: Number(dst), value: BigInt(value!) }),
  ],
  [
    /^r(\d+) = map\[(\w+)\] ll$/,
    ([, dst, name], _hop, maps) => {
      const map = /^\d+$/.test(name!) ? Number(name) : maps.indexOf(name!);
      return map < 0 ? undefined : { op: 'map', dst: Number(dst), map };
    },
  ],
  [
    /^r(\d+) = (le|be|bswap)(16|32|64) r(\d+)$/,
    ([, dst, order, bits, again]) =>
      dst === again
        ? { op: 'swap', order: order as 'le', bits: Number(bits) as 16, dst: Number(dst) }
        : undefined,
  ],
  [
    /^([rw])(\d+) = -([rw])(\d+)$/,
    ([, letter, dst, other, again]) =>
      letter === other && dst === again ? { op: 'neg', wide: wide(letter), dst: Number(dst) } : undefined,
  ],
  [
    /^([rw])(\d+) = \(s(8|16|32)\)([rw])(\d+)$/,
    ([, letter, dst, bits, other, src]) =>
      letter === other && (bits !== '32' || wide(letter))
        ? { op: 'movsx', wide: wide(letter), bits: Number(bits) as 8, dst: Number(dst), src: Number(src) }
        : undefined,
  ],
  [
    /^r(\d+) = \*\((u|s)(8|16|32|64) \*\)\(r(\d+) ([+-]) (\d+)\)$/,
    ([, dst, letter, bits, base, sign, value]) =>
      letter === 's' && bits === '64'
        ? undefined
        : {
            op: 'load',
            size: size(bits),
            signed: letter === 's',
            dst: Number(dst),
            base: Number(base),
            offset: offset(sign, value),
          },
  ],
  [
    new RegExp(String.raw`^\*${PLACE} = (\S+)$`),
    ([, bits, base, sign, value, word]) => {
      const src = source(word, true);
      if (src === undefined) return undefined;
      return { op: 'store', size: size(bits), base: Number(base), offset: offset(sign, value), src };
    },
  ],
  [
    new RegExp(String.raw`^lock \*${PLACE} (\S+) ([rw])(\d+)$`),
    ([, bits, base, sign, value, mark, letter, src]) =>
      atomic(ALU.get(mark!) ?? '', false, [bits, base, sign, value], letter, src),
  ],
  [
    new RegExp(String.raw`^([rw])(\d+) = (?:atomic_fetch_)?(add|or|and|xor|xchg)\(${PLACE}, ([rw])(\d+)\)$`),
    ([, left, dst, name, bits, base, sign, value, letter, src]) =>
      left === letter && dst === src
        ? atomic(name!, true, [bits, base, sign, value], letter, src)
        : undefined,
  ],
  [
    new RegExp(String.raw`^([rw])0 = cmpxchg\(${PLACE}, ([rw])0, ([rw])(\d+)\)$`),
    ([, left, bits, base, sign, value, old, letter, src]) =>
      left === letter && old === letter
        ? atomic('cmpxchg', true, [bits, base, sign, value], letter, src)
        : undefined,
  ],
  [
    /^([rw])(\d+) (\S+) (\S+)$/,
    ([, letter, dst, sign, word]) => {
      const alu = ALU.get(sign!);
      const src = source(word, wide(letter));
      if (alu === undefined || src === undefined) return undefined;
      return { op: 'alu', wide: wide(letter), alu, dst: Number(dst), src };
    },
  ],
];

function atomic(
  name: string,
  fetch: boolean,
  [bits, base, sign, value]: readonly (string | undefined)[],
  letter: string | undefined,
  src: string | undefined,
): Instruction | undefined {
  const bytes = size(bits);
  if ((bytes !== 4 && bytes !== 8) || wide(letter) !== (bytes === 8)) return undefined;
  if (!['add', 'or', 'and', 'xor', 'xchg', 'cmpxchg'].includes(name)) return undefined;
  return {
    op: 'atomic',
    size: bytes,
    atomic: name as AtomicOp,
    fetch,
    base: Number(base),
    offset: offset(sign, value),
    src: Number(src),
  };
}

/**
 * Reads a program.
 *
 * @param text - one instruction a line
 * @param maps - names of maps that the text may use instead of their numbers
 * @returns its slots
 * @throws ProgramError with the line that is not understood
 * @example assemble('r0 = 0\nexit')
 */
export function assemble(text: string, maps: readonly string[] = []): Code {
  const labels = new Map<string, number>();
  const lines: { readonly words: string; readonly slot: number; readonly line: number }[] = [];
  let slots = 0;
  for (const [index, written] of text.split('\n').entries()) {
    let words = written
      .replace(/(?:;|\/\/).*/, '')
      .replace(/\s+/g, ' ')
      .trim();
    words = words.replace(/^\d+: ?/, '');
    const label = /^([A-Za-z_]\w*):$/.exec(words);
    if (label !== null) {
      if (labels.has(label[1]!))
        throw new ProgramError(`line ${index + 1}: the label ${label[1]} stands here again`);
      labels.set(label[1]!, slots);
    } else if (words !== '') {
      lines.push({ words, slot: slots, line: index + 1 });
      slots += words.endsWith(' ll') ? 2 : 1;
    }
  }
  const code: (Instruction | null)[] = [];
  for (const { words, slot, line } of lines) {
    const hop: Hop = (target) => {
      if (/^[+-]/.test(target)) return Number(target) + 0;
      const place = labels.get(target);
      if (place === undefined) throw new ProgramError(`line ${line}: there is no label ${target}`);
      return place - slot - 1;
    };
    const instruction = read(words, hop, maps);
    if (instruction === undefined) throw new ProgramError(`line ${line}: not an instruction: ${words}`);
    code.push(instruction);
    if (words.endsWith(' ll')) code.push(null);
  }
  return code;
}

function read(words: string, hop: Hop, maps: readonly string[]): Instruction | undefined {
  for (const [pattern, reader] of READERS) {
    const parts = pattern.exec(words);
    const instruction = parts === null ? undefined : reader(parts, hop, maps);
    if (instruction !== undefined) return instruction;
  }
  return undefined;
}
