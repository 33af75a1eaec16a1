/**
 * Random instructions of eBPF for property tests: any instruction of the subset, with operands that its encoding holds.
 *
 * Owns no claim that a list of them is a program.
 */

import fc from 'fast-check';
import {
  ALU_OPS,
  ATOMIC_OPS,
  CONDITIONS,
  type Code,
  type Instruction,
  type Operand,
} from '../../packages/landward/src/programs/code/instruction.ts';

const register = fc.integer({ min: 0, max: 10 });
const imm = fc.oneof(fc.constantFrom(0, 1, -1, 2147483647, -2147483648), fc.integer());
const offset = fc.integer({ min: -32768, max: 32767 });
const operand: fc.Arbitrary<Operand> = fc.oneof(fc.record({ reg: register }), fc.record({ imm }));
const wide = fc.boolean();

/** Any instruction of the subset. */
export const instruction: fc.Arbitrary<Instruction> = fc.oneof(
  fc.record({
    op: fc.constant('alu' as const),
    wide,
    alu: fc.constantFrom(...ALU_OPS),
    dst: register,
    src: operand,
  }),
  fc.record({ op: fc.constant('neg' as const), wide, dst: register }),
  fc
    .record({
      op: fc.constant('movsx' as const),
      wide,
      bits: fc.constantFrom(8 as const, 16 as const, 32 as const),
      dst: register,
      src: register,
    })
    .filter(({ wide: isWide, bits }) => isWide || bits !== 32),
  fc.record({
    op: fc.constant('swap' as const),
    order: fc.constantFrom('le' as const, 'be' as const, 'bswap' as const),
    bits: fc.constantFrom(16 as const, 32 as const, 64 as const),
    dst: register,
  }),
  fc
    .record({
      op: fc.constant('load' as const),
      size: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
      signed: fc.boolean(),
      dst: register,
      base: register,
      offset,
    })
    .filter(({ size, signed }) => !(signed && size === 8)),
  fc.record({
    op: fc.constant('store' as const),
    size: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
    base: register,
    offset,
    src: operand,
  }),
  fc
    .record({
      op: fc.constant('atomic' as const),
      size: fc.constantFrom(4 as const, 8 as const),
      atomic: fc.constantFrom(...ATOMIC_OPS),
      fetch: fc.boolean(),
      base: register,
      offset,
      src: register,
    })
    .map((one) => (one.atomic === 'xchg' || one.atomic === 'cmpxchg' ? { ...one, fetch: true } : one)),
  fc.record({
    op: fc.constant('const' as const),
    dst: register,
    value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  }),
  fc.record({ op: fc.constant('map' as const), dst: register, map: fc.nat(100) }),
  fc.record({ op: fc.constant('jump' as const), offset }),
  fc.record({
    op: fc.constant('branch' as const),
    wide,
    condition: fc.constantFrom(...CONDITIONS),
    dst: register,
    src: operand,
    offset,
  }),
  fc.record({ op: fc.constant('call' as const), helper: fc.nat(10000) }),
  fc.record({ op: fc.constant('callLocal' as const), offset }),
  fc.constant({ op: 'exit' as const }),
);

/** The slots of some instructions. */
export const code: fc.Arbitrary<Code> = fc.array(instruction, { minLength: 1, maxLength: 40 }).map((list) =>
  // Cloned, because fast-check's records have no prototype.
  structuredClone(list).flatMap(
    (one): Code => (one.op === 'const' || one.op === 'map' ? [one, null] : [one]),
  ),
);
