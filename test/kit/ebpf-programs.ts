/**
 * Random programs that the verifier accepts: every register holds a number, the stack is initialised, and at the end all
 * registers are stored, so that two engines that differ in any result leave different memory.
 *
 * Loops are not bounded: some programs end by their budget.
 */

import fc from 'fast-check';
import { assemble } from '../../packages/landward/src/programs/code/assemble.ts';
import {
  ALU_OPS,
  ATOMIC_OPS,
  CONDITIONS,
  type Code,
  type Instruction,
  type Operand,
} from '../../packages/landward/src/programs/code/instruction.ts';

type Item =
  | Instruction
  | { readonly op: 'branchTo' | 'jumpTo'; readonly to: number; readonly branch?: Instruction }
  | { readonly op: 'text'; readonly code: Code };

/** Edges of both widths, and anything. */
const values = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    2n,
    31n,
    32n,
    33n,
    63n,
    64n,
    0x7fn,
    0x80n,
    0xffn,
    0x7fffn,
    0x8000n,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    0x1_0000_0000n,
    0x7fff_ffff_ffff_ffffn,
    0x8000_0000_0000_0000n,
    0xffff_ffff_ffff_ffffn,
  ),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);
const register = fc.integer({ min: 0, max: 9 });
const imm = fc.oneof(fc.constantFrom(0, 1, -1, 31, 32, 63, 64, -2147483648, 2147483647), fc.integer());
const operand: fc.Arbitrary<Operand> = fc.oneof(
  register.map((reg) => ({ reg })),
  imm.map((value) => ({ imm: value })),
);
/** Eight slots of the stack below the place of the map's key. */
const place = (size: number) => fc.integer({ min: 0, max: 64 / size - 1 }).map((at) => -128 + at * size);
const sized = fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const);

const item: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.boolean(), fc.constantFrom(...ALU_OPS), register, operand)
      .map(([wide, alu, dst, src]): Item => ({ op: 'alu', wide, alu, dst, src })),
  },
  fc.tuple(fc.boolean(), register).map(([wide, dst]): Item => ({ op: 'neg', wide, dst })),
  fc
    .tuple(fc.constantFrom(8 as const, 16 as const, 32 as const), fc.boolean(), register, register)
    .map(([bits, wide, dst, src]): Item => ({ op: 'movsx', bits, wide: wide || bits === 32, dst, src })),
  fc
    .tuple(
      fc.constantFrom('le' as const, 'be' as const, 'bswap' as const),
      fc.constantFrom(16 as const, 32 as const, 64 as const),
      register,
    )
    .map(([order, bits, dst]): Item => ({ op: 'swap', order, bits, dst })),
  fc.tuple(register, values).map(([dst, value]): Item => ({ op: 'const', dst, value })),
  sized.chain((size) =>
    fc.tuple(place(size), fc.boolean(), register).map(
      ([offset, signed, dst]): Item => ({
        op: 'load',
        size,
        signed: signed && size !== 8,
        dst,
        base: 10,
        offset,
      }),
    ),
  ),
  sized.chain((size) =>
    fc
      .tuple(place(size), operand)
      .map(([offset, src]): Item => ({ op: 'store', size, base: 10, offset, src })),
  ),
  fc.constantFrom(4 as const, 8 as const).chain((size) =>
    fc.tuple(place(size), fc.constantFrom(...ATOMIC_OPS), fc.boolean(), register).map(
      ([offset, atomic, fetch, src]): Item => ({
        op: 'atomic',
        size,
        atomic,
        fetch: fetch || atomic === 'xchg' || atomic === 'cmpxchg',
        base: 10,
        offset,
        src,
      }),
    ),
  ),
  {
    weight: 3,
    arbitrary: fc.tuple(fc.boolean(), fc.constantFrom(...CONDITIONS), register, operand, fc.nat(40)).map(
      ([wide, condition, dst, src, to]): Item => ({
        op: 'branchTo',
        to,
        branch: { op: 'branch', wide, condition, dst, src, offset: 0 },
      }),
    ),
  },
  // A map is updated and read by a key of few values; the registers that calls take away are set again.
  fc.tuple(register, fc.constantFrom(0, 1, 2, 3)).map(
    ([source, flags]): Item => ({
      op: 'text',
      code: assemble(`
      r0 = r${source}
      r0 &= 3
      *(u32 *)(r10 - 136) = r0
      *(u64 *)(r10 - 144) = r${source}
      r1 = map[0] ll
      r2 = r10
      r2 += -136
      r3 = r10
      r3 += -144
      r4 = ${flags}
      call 2
      *(u64 *)(r10 - 152) = r0
      r1 = map[0] ll
      r2 = r10
      r2 += -136
      call 1
      if r0 != 0 goto +2
      r0 = 77
      goto +3
      r1 = *(u64 *)(r0 + 0)
      *(u32 *)(r0 + 4) = r1
      r0 = r1
      r1 = 1
      r2 = *(u64 *)(r10 - 152)
      r3 = 3
      r4 = 4
      r5 = 5`),
    }),
  ),
  // A function of the program, placed behind it.
  fc.constant<Item>({ op: 'text', code: assemble('call pc+0\nr1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5') }),
);

const slots = (one: Item) =>
  one.op === 'text' ? (one as { code: Code }).code.length : one.op === 'const' ? 2 : 1;

function flattened(items: readonly Item[]): (Instruction | null)[] {
  const starts: number[] = [];
  let at = 0;
  for (const one of items) {
    starts.push(at);
    at += slots(one);
  }
  starts.push(at);
  return items.flatMap((one, index): Code => {
    if (one.op === 'text') return (one as { code: Code }).code;
    if (one.op === 'branchTo') {
      const { to, branch } = one as { to: number; branch: Instruction & { op: 'branch' } };
      return [{ ...branch, offset: starts[to % starts.length]! - starts[index]! - 1 }];
    }
    return one.op === 'const' ? [one as Instruction, null] : [one as Instruction];
  });
}

const BEGIN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Programs of the hook `fs_pick` with one hash map of 4-byte keys and 8-byte values. */
export const program: fc.Arbitrary<Code> = fc
  .record({
    registers: fc.array(values, { minLength: 10, maxLength: 10 }),
    stack: fc.array(values, { minLength: 8, maxLength: 8 }),
    items: fc.array(item, { minLength: 1, maxLength: 30 }),
    inner: fc.array(item, { minLength: 1, maxLength: 8 }),
  })
  .map(({ registers, stack, items, inner }) => {
    const fill = (numbers: readonly bigint[]): Code => [
      ...stack.flatMap(
        (value, i): Code => [
          { op: 'const', dst: 0, value },
          null,
          { op: 'store', size: 8, base: 10, offset: -128 + i * 8, src: { reg: 0 } },
        ],
      ),
      ...BEGIN.flatMap((dst): Code => [{ op: 'const', dst, value: numbers[dst]! }, null]),
    ];
    const dump = BEGIN.map(
      (reg): Instruction => ({ op: 'store', size: 8, base: 10, offset: -80 - 160 + reg * 8, src: { reg } }),
    );
    const end: Code = [...dump, ...assemble('w0 &= 1\nexit')];
    const main = [...fill(registers), ...flattened(items), ...end];
    const calls = main.flatMap((i, slot) => (i?.op === 'callLocal' ? [slot] : []));
    if (calls.length === 0) return main;
    const plain = inner.filter(
      (one) => !(one.op === 'text' && (one as { code: Code }).code[0]?.op === 'callLocal'),
    );
    const called = [...fill(registers.toReversed()), ...flattened(plain), ...dump, ...assemble('exit')];
    for (const slot of calls) main[slot] = { op: 'callLocal', offset: main.length - slot - 1 };
    return [...main, ...called];
  });
