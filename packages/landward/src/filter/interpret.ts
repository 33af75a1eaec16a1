/**
 * Runs a filter over one call, as the kernel would.
 *
 * Owns the meaning of instructions and of the words that a filter returns. Filters are proven with it where no
 * kernel can be asked.
 */

import { bug } from '../errors.ts';
import { BPF, BPF_MEMWORDS } from '../uapi/bpf.ts';
import { SECCOMP_DATA } from '../uapi/structs.ts';
import type { Instruction } from './program.ts';

/** A system call as a filter sees it. */
export interface Call {
  readonly nr: number;
  /** An `AUDIT_ARCH` token. */
  readonly arch: number;
  /** Up to six arguments; those left out are zero. Negative numbers are taken as the register holds them. */
  readonly args?: readonly (number | bigint)[];
}

/** The memory that a filter reads for a call. */
export function encodeCall({ nr, arch, args = [] }: Call): Uint8Array {
  const [arg0, arg1, arg2, arg3, arg4, arg5] = [0, 1, 2, 3, 4, 5].map((i) =>
    BigInt.asUintN(64, BigInt(args[i] ?? 0)),
  );
  return SECCOMP_DATA.encode({
    nr: nr | 0,
    arch,
    arg0: arg0!,
    arg1: arg1!,
    arg2: arg2!,
    arg3: arg3!,
    arg4: arg4!,
    arg5: arg5!,
  });
}

/**
 * What a program returns for a call: an unsigned 32-bit word, see `action.ts`.
 *
 * @param data 64 bytes, as `encodeCall` makes them
 */
export function interpret(program: readonly Instruction[], data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, SECCOMP_DATA.size);
  const memory = new Uint32Array(BPF_MEMWORDS);
  let a = 0;
  let x = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc]!;
    // biome-ignore format: one instruction a line reads as the table that it is
    switch (code) {
      case BPF.LD_ABS: a = view.getUint32(k, true); break;
      case BPF.LD_IMM: a = k; break;
      case BPF.LD_MEM: a = memory[k]!; break;
      case BPF.LD_LEN: a = SECCOMP_DATA.size; break;
      case BPF.LDX_IMM: x = k; break;
      case BPF.LDX_MEM: x = memory[k]!; break;
      case BPF.LDX_LEN: x = SECCOMP_DATA.size; break;
      case BPF.ST: memory[k] = a; break;
      case BPF.STX: memory[k] = x; break;
      case BPF.ADD_K: a = (a + k) >>> 0; break;
      case BPF.ADD_X: a = (a + x) >>> 0; break;
      case BPF.SUB_K: a = (a - k) >>> 0; break;
      case BPF.SUB_X: a = (a - x) >>> 0; break;
      case BPF.MUL_K: a = Math.imul(a, k) >>> 0; break;
      case BPF.MUL_X: a = Math.imul(a, x) >>> 0; break;
      case BPF.DIV_K: a = Math.floor(a / k); break;
      // The kernel ends the program with 0, which kills the thread.
      case BPF.DIV_X: if (x === 0) return 0; a = Math.floor(a / x); break;
      case BPF.OR_K: a = (a | k) >>> 0; break;
      case BPF.OR_X: a = (a | x) >>> 0; break;
      case BPF.AND_K: a = (a & k) >>> 0; break;
      case BPF.AND_X: a = (a & x) >>> 0; break;
      case BPF.LSH_K: a = (a << k) >>> 0; break;
      case BPF.LSH_X: a = (a << x) >>> 0; break;
      case BPF.RSH_K: a = a >>> k; break;
      case BPF.RSH_X: a = a >>> x; break;
      case BPF.NEG: a = -a >>> 0; break;
      case BPF.XOR_K: a = (a ^ k) >>> 0; break;
      case BPF.XOR_X: a = (a ^ x) >>> 0; break;
      case BPF.JA: pc += k; break;
      case BPF.JEQ_K: pc += a === k ? jt : jf; break;
      case BPF.JEQ_X: pc += a === x ? jt : jf; break;
      case BPF.JGT_K: pc += a > k ? jt : jf; break;
      case BPF.JGT_X: pc += a > x ? jt : jf; break;
      case BPF.JGE_K: pc += a >= k ? jt : jf; break;
      case BPF.JGE_X: pc += a >= x ? jt : jf; break;
      case BPF.JSET_K: pc += (a & k) !== 0 ? jt : jf; break;
      case BPF.JSET_X: pc += (a & x) !== 0 ? jt : jf; break;
      case BPF.RET_K: return k;
      case BPF.RET_A: return a;
      case BPF.TAX: x = a; break;
      case BPF.TXA: a = x; break;
      default: bug(`instruction ${pc} has code 0x${code.toString(16)}`);
    }
  }
  bug('a program ran past its end');
}
