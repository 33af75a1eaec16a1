/**
 * What the kernel demands of a seccomp program, so that a refusal is found before a process exists.
 *
 * Owns the acceptance rules only; what a program answers is told by `interpret.ts`.
 */

import { BPF, BPF_CLASS, BPF_MAXINSNS, BPF_MEMWORDS } from '../uapi/bpf.ts';
import { SECCOMP_DATA } from '../uapi/structs.ts';
import type { Instruction } from './program.ts';

const accepted: ReadonlySet<number> = new Set(Object.values(BPF));

/**
 * Why the kernel would refuse a program with EINVAL.
 *
 * @returns the reason with the index of the instruction, or `null` where the program is accepted
 */
export function checkProgram(program: readonly Instruction[]): string | null {
  if (program.length === 0) return 'an empty program';
  if (program.length > BPF_MAXINSNS) return `${program.length} instructions, more than ${BPF_MAXINSNS}`;
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    if (!accepted.has(code)) return `instruction ${i}: code 0x${code.toString(16)} is not for seccomp`;
    if (code === BPF.LD_ABS && (k % 4 !== 0 || k >= SECCOMP_DATA.size))
      return `instruction ${i}: loads from ${k}`;
    if (code === BPF.DIV_K && k === 0) return `instruction ${i}: divides by zero`;
    if ((code === BPF.LSH_K || code === BPF.RSH_K) && k > 31) return `instruction ${i}: shifts by ${k}`;
    if (isMemory(code) && k >= BPF_MEMWORDS) return `instruction ${i}: memory word ${k}`;
    if ((code & 7) === BPF_CLASS.JMP) {
      const farthest = code === BPF.JA ? k : Math.max(jt, jf);
      if (i + 1 + farthest >= program.length) return `instruction ${i}: jumps out of the program`;
    }
  }
  if ((program.at(-1)!.code & 7) !== BPF_CLASS.RET) return 'the last instruction returns nothing';
  return checkMemory(program);
}

function isMemory(code: number): boolean {
  return code === BPF.ST || code === BPF.STX || code === BPF.LD_MEM || code === BPF.LDX_MEM;
}

/** Refuses a load from scratch memory that some way through the program, over a return too, has not stored to. */
function checkMemory(program: readonly Instruction[]): string | null {
  const everything = (1 << BPF_MEMWORDS) - 1;
  const valid = new Array<number>(program.length).fill(everything);
  let stored = 0;
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    stored &= valid[i]!;
    if (code === BPF.ST || code === BPF.STX) stored |= 1 << k;
    if ((code === BPF.LD_MEM || code === BPF.LDX_MEM) && (stored & (1 << k)) === 0) {
      return `instruction ${i}: memory word ${k} may be read before it is written`;
    }
    if ((code & 7) === BPF_CLASS.JMP) {
      for (const skip of code === BPF.JA ? [k] : [jt, jf]) valid[i + 1 + skip]! &= stored;
      // What follows is reached only by jumps, which have told what they stored.
      stored = everything;
    }
  }
  return null;
}
