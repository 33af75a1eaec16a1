/**
 * Classic BPF as seccomp accepts it: operation codes and limits.
 *
 * Owns the numbers. seccomp takes a subset: word loads from the data (absolute, aligned), scratch memory, arithmetic
 * on the accumulator, forward jumps and returns.
 */

export const BPF_CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, RET: 6, MISC: 7 } as const;

/** Complete operation codes by what they do; A is the accumulator, X the index, M scratch memory, K the constant. */
export const BPF = {
  /** A = the word at offset K of the data */
  LD_ABS: 0x20,
  /** A = K */
  LD_IMM: 0x00,
  /** A = M[K] */
  LD_MEM: 0x60,
  /** A = the length of the data */
  LD_LEN: 0x80,
  /** X = K */
  LDX_IMM: 0x01,
  /** X = M[K] */
  LDX_MEM: 0x61,
  /** X = the length of the data */
  LDX_LEN: 0x81,
  /** M[K] = A */
  ST: 0x02,
  /** M[K] = X */
  STX: 0x03,
  ADD_K: 0x04,
  ADD_X: 0x0c,
  SUB_K: 0x14,
  SUB_X: 0x1c,
  MUL_K: 0x24,
  MUL_X: 0x2c,
  DIV_K: 0x34,
  DIV_X: 0x3c,
  OR_K: 0x44,
  OR_X: 0x4c,
  AND_K: 0x54,
  AND_X: 0x5c,
  LSH_K: 0x64,
  LSH_X: 0x6c,
  RSH_K: 0x74,
  RSH_X: 0x7c,
  NEG: 0x84,
  XOR_K: 0xa4,
  XOR_X: 0xac,
  /** Go on after K further instructions */
  JA: 0x05,
  JEQ_K: 0x15,
  JEQ_X: 0x1d,
  JGT_K: 0x25,
  JGT_X: 0x2d,
  JGE_K: 0x35,
  JGE_X: 0x3d,
  JSET_K: 0x45,
  JSET_X: 0x4d,
  RET_K: 0x06,
  RET_A: 0x16,
  /** X = A */
  TAX: 0x07,
  /** A = X */
  TXA: 0x87,
} as const;

/** The longest program, instructions. */
export const BPF_MAXINSNS = 4096;
/** Words of scratch memory. */
export const BPF_MEMWORDS = 16;
/** Bytes of one packed instruction. */
export const BPF_INSN_SIZE = 8;
