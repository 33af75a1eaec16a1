/**
 * A program as text that a person can check: one instruction a line, jump targets as line numbers, loads and answers
 * by name.
 *
 * `parseAssembly` reads the same text back, which is how the text is known to say everything.
 */

import { bug } from '../errors.ts';
import { BPF } from '../uapi/bpf.ts';
import { errnoName } from '../uapi/errno.ts';
import { decodeAction } from './action.ts';
import type { Instruction } from './program.ts';

const mnemonics = new Map<number, string>(
  Object.entries(BPF).map(([name, code]) => [code, name.toLowerCase().replace('_', '.')]),
);
const codes = new Map([...mnemonics].map(([code, mnemonic]) => [mnemonic, code]));

const conditional: ReadonlySet<number> = new Set([
  BPF.JEQ_K,
  BPF.JEQ_X,
  BPF.JGT_K,
  BPF.JGT_X,
  BPF.JGE_K,
  BPF.JGE_X,
  BPF.JSET_K,
  BPF.JSET_X,
]);

/**
 * Prints a program.
 *
 * @returns lines such as `  5  jeq.k  0xc000003e  ? 6 : 40` and `40  ret.k  0x50001  ; errno EPERM`
 */
export function disassemble(program: readonly Instruction[]): string {
  const width = String(program.length).length;
  return program
    .map(({ code, jt, jf, k }, i) => {
      const mnemonic = mnemonics.get(code) ?? bug(`code 0x${code.toString(16)} has no name`);
      const head = `${String(i).padStart(width)}  ${mnemonic}  0x${k.toString(16)}`;
      if (conditional.has(code)) return `${head}  ? ${i + 1 + jt} : ${i + 1 + jf}`;
      if (code === BPF.JA) return `${head}  ; to ${i + 1 + k}`;
      if (code === BPF.LD_ABS) return `${head}  ; ${dataName(k)}`;
      if (code === BPF.RET_K) return `${head}  ; ${answerName(k)}`;
      return head;
    })
    .join('\n');
}

/** Reads what `disassemble` prints; comments are ignored. */
export function parseAssembly(text: string): Instruction[] {
  return text.split('\n').map((line, i) => {
    const [, number, mnemonic, k, , yes, no] =
      /^ *(\d+) {2}([a-z.]+) {2}(0x[0-9a-f]+)( {2}\? (\d+) : (\d+))?/.exec(line) ??
      bug(`assembly line: ${line}`);
    if (Number(number) !== i) bug(`assembly line ${i} is numbered ${number}`);
    const code = codes.get(mnemonic!) ?? bug(`mnemonic ${mnemonic}`);
    const skip = (target: string | undefined) => (target === undefined ? 0 : Number(target) - i - 1);
    return { code, jt: skip(yes), jf: skip(no), k: Number(k) };
  });
}

function dataName(offset: number): string {
  if (offset === 0) return 'nr';
  if (offset === 4) return 'arch';
  if (offset < 16) return offset === 8 ? 'instruction pointer' : 'instruction pointer, high half';
  const name = `arg${Math.floor((offset - 16) / 8)}`;
  return offset % 8 === 0 ? name : `${name}, high half`;
}

function answerName(word: number): string {
  const action = decodeAction(word);
  if (action.kind === 'errno') return `errno ${errnoName(action.errno)}`;
  return 'data' in action ? `${action.kind} ${action.data}` : action.kind;
}
