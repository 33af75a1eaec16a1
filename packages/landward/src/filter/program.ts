/**
 * A classic BPF program as data: instructions, and the packed form that the kernel takes.
 *
 * Owns the form only; see `assemble.ts` for writing programs and `check.ts` for what the kernel accepts.
 */

import { bug } from '../errors.ts';
import { BPF_INSN_SIZE } from '../uapi/bpf.ts';

/** One instruction. `jt` and `jf` count the instructions to skip; `k` is an unsigned 32-bit number. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/**
 * Packs instructions as `struct sock_filter[]` (8 bytes each, little-endian).
 *
 * @throws a bug where a jump or constant doesn't fit
 */
export function packProgram(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * BPF_INSN_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    if (jt > 255 || jf > 255 || jt < 0 || jf < 0) bug(`jump of instruction ${i} doesn't fit`);
    if (!Number.isInteger(k) || k < 0 || k > 0xffff_ffff)
      bug(`constant of instruction ${i} doesn't fit: ${k}`);
    view.setUint16(i * BPF_INSN_SIZE, code, true);
    view.setUint8(i * BPF_INSN_SIZE + 2, jt);
    view.setUint8(i * BPF_INSN_SIZE + 3, jf);
    view.setUint32(i * BPF_INSN_SIZE + 4, k, true);
  }
  return bytes;
}

/** Reads a packed program. */
export function unpackProgram(bytes: Uint8Array): Instruction[] {
  if (bytes.length % BPF_INSN_SIZE !== 0) bug(`a program of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / BPF_INSN_SIZE }, (_, i) => ({
    code: view.getUint16(i * BPF_INSN_SIZE, true),
    jt: view.getUint8(i * BPF_INSN_SIZE + 2),
    jf: view.getUint8(i * BPF_INSN_SIZE + 3),
    k: view.getUint32(i * BPF_INSN_SIZE + 4, true),
  }));
}
