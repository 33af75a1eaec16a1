/** Ranges of the verifier: whatever numbers come in, the one that comes out is in the range; and no branch is ruled out that is taken. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALU_OPS, CONDITIONS } from '../../packages/landward/src/programs/code/instruction.ts';
import { arithmetic, holds } from '../../packages/landward/src/programs/run/arithmetic.ts';
import { constant, unary } from '../../packages/landward/src/programs/verify/arithmetic.ts';
import {
  type Range,
  rangeOfArithmetic,
  rangesAfter,
} from '../../packages/landward/src/programs/verify/range.ts';
import { joinValues, number } from '../../packages/landward/src/programs/verify/value.ts';

const MOST = (1n << 64n) - 1n;
const edge = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 31n, 32n, 63n, 64n, 127n, 128n, 255n, 256n, 32767n, 32768n),
  fc.constantFrom(
    (1n << 31n) - 1n,
    1n << 31n,
    (1n << 32n) - 1n,
    1n << 32n,
    (1n << 63n) - 1n,
    1n << 63n,
    MOST,
  ),
  fc.bigInt({ min: 0n, max: 300n }),
  fc.bigInt({ min: 0n, max: MOST }),
);
/** A range and some of its numbers: its ends, and one inside. */
const range: fc.Arbitrary<{ readonly range: Range; readonly members: readonly bigint[] }> = fc
  .tuple(edge, edge, edge)
  .map(([a, b, c]) => {
    const [min, inside, max] = [a, b, c].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0)) as [
      bigint,
      bigint,
      bigint,
    ];
    return { range: { min, max }, members: [min, inside, max] };
  });
const inside = (value: bigint, { min, max }: Range, what: string) =>
  assert.ok(value >= min && value <= max, `${what}: ${value} is not in ${min} to ${max}`);

test('arithmetic stays in its range', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ALU_OPS), fc.boolean(), range, range, (alu, wide, left, right) => {
      const result = rangeOfArithmetic(alu, wide, left.range, right.range);
      assert.ok(result.min <= result.max && result.max <= (wide ? MOST : (1n << 32n) - 1n), alu);
      for (const a of left.members)
        for (const b of right.members)
          inside(arithmetic(alu, wide, a, b), result, `${a} ${alu} ${b} wide ${wide}`);
    }),
    { seed: 31, numRuns: 20000 },
  );
});

test('negation, sign extension and byte swaps stay in their range', () => {
  const refuse = (reason: string): never => assert.fail(reason);
  const instruction = fc.oneof(
    fc.boolean().map((wide) => ({ op: 'neg' as const, wide, dst: 0 })),
    fc
      .tuple(fc.boolean(), fc.constantFrom(8 as const, 16 as const, 32 as const))
      .map(([wide, bits]) => ({ op: 'movsx' as const, wide: wide || bits === 32, bits, dst: 0, src: 0 })),
    fc
      .tuple(
        fc.constantFrom('le' as const, 'be' as const, 'bswap' as const),
        fc.constantFrom(16 as const, 32 as const, 64 as const),
      )
      .map(([order, bits]) => ({ op: 'swap' as const, order, bits, dst: 0 })),
  );
  fc.assert(
    fc.property(instruction, range, (i, from) => {
      const result = unary(i, number(from.range.min, from.range.max), refuse);
      assert.ok(result.is === 'number');
      for (const value of from.members)
        inside(constant(i, value), result, `${JSON.stringify(i)} of ${value}`);
    }),
    { seed: 32, numRuns: 10000 },
  );
});

test('a way that is taken is not ruled out, and both sides stay in their ranges on it', () => {
  let narrower = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...CONDITIONS),
      fc.boolean(),
      range,
      range,
      (condition, wide, left, right) => {
        for (const a of left.members)
          for (const b of right.members) {
            const taken = holds(condition, wide, a, b);
            const after = rangesAfter(condition, wide, taken, left.range, right.range);
            const what = `${a} ${condition} ${b} wide ${wide}`;
            assert.ok(after !== undefined, what);
            inside(a, after[0], what);
            inside(b, after[1], what);
            if (after[0].max - after[0].min < left.range.max - left.range.min) narrower++;
          }
      },
    ),
    { seed: 33, numRuns: 10000 },
  );
  assert.ok(narrower > 5000, `${narrower} narrower`);
});

test('a join holds both, and widening comes to an end', () => {
  fc.assert(
    fc.property(range, range, fc.boolean(), (a, b, widen) => {
      const [left, right] = [number(a.range.min, a.range.max), number(b.range.min, b.range.max)];
      const joined = joinValues(left, right, widen);
      assert.ok(joined.is === 'number');
      for (const value of [...a.members, ...b.members]) inside(value, joined, 'join');
      assert.equal(joinValues(joined, right, widen), joined);
    }),
    { seed: 34, numRuns: 5000 },
  );
});
