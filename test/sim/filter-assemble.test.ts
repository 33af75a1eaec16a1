import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  assemble,
  at,
  goto,
  jump,
  type Label,
  type Line,
  label,
  plain,
} from '../../packages/landward/src/filter/assemble.ts';
import { checkProgram } from '../../packages/landward/src/filter/check.ts';
import { conditionLines } from '../../packages/landward/src/filter/conditions.ts';
import { disassemble, parseAssembly } from '../../packages/landward/src/filter/disassemble.ts';
import { encodeCall, interpret } from '../../packages/landward/src/filter/interpret.ts';
import { type Instruction, packProgram, unpackProgram } from '../../packages/landward/src/filter/program.ts';
import type { Condition } from '../../packages/landward/src/filter/rules.ts';
import { BPF } from '../../packages/landward/src/uapi/bpf.ts';

const call = (args: readonly bigint[]) => encodeCall({ nr: 0, arch: 0, args });

/** Straight programs of random instructions and forward jumps that the kernel would accept. */
const program = fc
  .array(
    fc.record({
      code: fc.constantFrom(...Object.values(BPF)),
      jt: fc.nat(3),
      jf: fc.nat(3),
      k: fc.integer({ min: 0, max: 0xffff_ffff }),
    }),
    { maxLength: 40 },
  )
  .map((instructions): Instruction[] => [
    ...instructions.map(({ code, jt, jf, k }): Instruction => {
      const isJump = (code & 7) === 5 && code !== BPF.JA;
      const memory: readonly number[] = [BPF.ST, BPF.STX, BPF.LD_MEM, BPF.LDX_MEM];
      const shift: readonly number[] = [BPF.LSH_K, BPF.RSH_K];
      const small =
        code === BPF.LD_ABS
          ? (k % 16) * 4
          : memory.includes(code)
            ? k % 16
            : shift.includes(code)
              ? k % 32
              : k;
      return {
        code,
        jt: isJump ? jt : 0,
        jf: isJump ? jf : 0,
        k: code === BPF.JA ? k % 4 : (code === BPF.DIV_K ? k | 1 : small) >>> 0,
      };
    }),
    ...Array.from({ length: 5 }, () => ({ code: BPF.RET_K, jt: 0, jf: 0, k: 0x7fff0000 })),
  ]);

test('what is disassembled reads back as the same program', () => {
  fc.assert(
    fc.property(program, (instructions) => {
      assert.deepEqual(parseAssembly(disassemble(instructions)), instructions);
      assert.deepEqual(unpackProgram(packProgram(instructions)), instructions);
    }),
    { seed: 2, numRuns: 500 },
  );
});

test('a constant above 31 bits survives packing and printing', () => {
  const instruction = { code: BPF.RET_K, jt: 0, jf: 0, k: 0x80000000 };
  assert.deepEqual(unpackProgram(packProgram([instruction])), [instruction]);
  assert.match(disassemble([instruction]), /ret\.k {2}0x80000000 {2}; kill_process/);
  assert.throws(() => packProgram([{ ...instruction, k: -1 }]), /doesn't fit/);
  assert.throws(() => packProgram([{ ...instruction, jt: 256 }]), /doesn't fit/);
});

/** Runs lines as they are written, without assembling: labels are looked up by scanning ahead. */
function runLines(lines: readonly Line[], data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset);
  const find = (from: number, place: Label | null) =>
    place === null
      ? from + 1
      : lines.findIndex((line, i) => i > from && line.kind === 'label' && line.label === place);
  let a = 0;
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]!;
    if (line.kind === 'goto') i = find(i, line.to);
    else if (line.kind === 'jump')
      i = find(i, (line.code === BPF.JEQ_K ? a === line.k : a >= line.k) ? line.yes : line.no);
    else {
      if (line.kind === 'plain' && line.code === BPF.RET_K) return line.k;
      if (line.kind === 'plain') a = view.getUint32(line.k, true);
      i++;
    }
  }
  throw new Error('ran past the end');
}

test('jumps of every length arrive, whichever way and however far', () => {
  const shape = fc.array(
    fc.record({
      kind: fc.constantFrom('jump', 'jump', 'goto', 'load', 'fill'),
      k: fc.nat(3),
      equal: fc.boolean(),
      yes: fc.nat(30),
      no: fc.nat(30),
      size: fc.constantFrom(1, 100, 253, 254, 255, 256, 300),
    }),
    { minLength: 1, maxLength: 25 },
  );
  fc.assert(
    fc.property(shape, fc.array(fc.bigInt(0n, 3n), { minLength: 6, maxLength: 6 }), (pieces, args) => {
      const labels = pieces.map((_, i) => label(`l${i}`)).concat(label('end'));
      const later = (i: number, step: number) =>
        step === 0 ? null : labels[Math.min(i + step, pieces.length)]!;
      const lines: Line[] = pieces.flatMap((piece, i): Line[] => {
        const here = at(labels[i]!);
        const code = piece.equal ? BPF.JEQ_K : BPF.JGE_K;
        if (piece.kind === 'jump')
          return [here, jump(code, piece.k, later(i, piece.yes), later(i, piece.no))];
        if (piece.kind === 'goto') return [here, goto(later(i, piece.yes + 1)!), plain(BPF.RET_K, 1000 + i)];
        if (piece.kind === 'load') return [here, plain(BPF.LD_ABS, 16 + 8 * (piece.yes % 6))];
        return [here, ...new Array<Line>(piece.size).fill(plain(BPF.LD_ABS, 16 + 8 * (i % 6)))];
      });
      lines.push(plain(BPF.RET_K, 1), at(labels[pieces.length]!), plain(BPF.RET_K, 2));
      // Packing refuses a jump that doesn't fit.
      const assembled = unpackProgram(packProgram(assemble(lines)));
      assert.equal(assembled.length > 4096 ? null : checkProgram(assembled), null);
      assert.equal(interpret(assembled, call(args)), runLines(lines, call(args)));
    }),
    { seed: 3, numRuns: 400 },
  );
});

test('a label that is missing, behind or defined twice is a defect', () => {
  const place = label('here');
  assert.throws(() => assemble([goto(place)]), /doesn't lie ahead/);
  assert.throws(() => assemble([at(place), goto(place)]), /doesn't lie ahead/);
  assert.throws(() => assemble([at(place), at(place)]), /defined twice/);
});

test('conditions compare as unsigned numbers of their width, masks first', () => {
  const interesting = fc.constantFrom(
    0n,
    1n,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    0x1_0000_0000n,
    0x1_0000_0001n,
    2n ** 63n,
    2n ** 64n - 1n,
  );
  const word = fc.oneof(interesting, fc.bigInt(0n, 2n ** 64n - 1n));
  const input = fc.record({
    arg: fc.nat(5),
    width: fc.constantFrom(32 as const, 64 as const),
    op: fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge' as const),
    mask: fc.option(word, { nil: undefined }),
    value: word,
    actual: word,
    near: fc.boolean(),
  });
  fc.assert(
    fc.property(input, ({ arg, width, op, mask, value, actual, near }) => {
      const all = width === 32 ? 0xffff_ffffn : 2n ** 64n - 1n;
      const cut = mask === undefined ? undefined : mask & all;
      const wanted = value & (cut ?? all);
      const register = near ? wanted | (actual & ~all) : actual;
      const condition: Condition = {
        arg,
        width,
        op: op as Condition['op'],
        value: wanted,
        ...(cut === undefined ? {} : { mask: cut }),
      };
      const otherwise = label('otherwise');
      const lines = [
        ...conditionLines(condition, otherwise),
        plain(BPF.RET_K, 1),
        at(otherwise),
        plain(BPF.RET_K, 0),
      ];
      const args = [0n, 0n, 0n, 0n, 0n, 0n].with(arg, register);
      const seen = register & (cut ?? all);
      const expected = {
        eq: seen === wanted,
        ne: seen !== wanted,
        lt: seen < wanted,
        le: seen <= wanted,
        gt: seen > wanted,
        ge: seen >= wanted,
      };
      assert.equal(interpret(assemble(lines), call(args)) === 1, expected[condition.op]);
    }),
    { seed: 4, numRuns: 3000 },
  );
});

test('a condition that could never hold as written is a defect', () => {
  const nowhere = label('nowhere');
  assert.throws(() => conditionLines({ arg: 6, width: 32, op: 'eq', value: 0 }, nowhere), /argument 6/);
  assert.throws(() => conditionLines({ arg: 0, width: 32, op: 'eq', value: 2n ** 32n }, nowhere), /32 bits/);
  assert.throws(() => conditionLines({ arg: 0, width: 32, op: 'eq', value: -1 }, nowhere), /32 bits/);
  assert.throws(
    () => conditionLines({ arg: 0, width: 64, op: 'eq', value: 3, mask: 1 }, nowhere),
    /masks away/,
  );
});

test('the checker names what the kernel refuses', () => {
  const ret = { code: BPF.RET_K, jt: 0, jf: 0, k: 0 };
  const one = (code: number, k = 0, jt = 0, jf = 0) => checkProgram([{ code, jt, jf, k }, ret]);
  assert.match(checkProgram([])!, /empty/);
  assert.match(checkProgram(new Array(4097).fill(ret))!, /4097/);
  assert.equal(checkProgram(new Array(4096).fill(ret)), null);
  assert.match(checkProgram([{ ...ret, code: BPF.LD_IMM }])!, /returns nothing/);
  assert.match(one(0x28, 12)!, /not for seccomp/, 'half-word loads');
  assert.match(one(BPF.LD_ABS, 2)!, /loads from 2/);
  assert.match(one(BPF.LD_ABS, 64)!, /loads from 64/);
  assert.match(one(BPF.DIV_K)!, /divides by zero/);
  assert.match(one(BPF.LSH_K, 32)!, /shifts/);
  assert.match(one(BPF.JA, 1)!, /out of the program/);
  assert.match(one(BPF.JEQ_K, 0, 0, 1)!, /out of the program/);
  assert.match(one(BPF.ST, 16)!, /memory word 16/);
  assert.match(one(BPF.LD_MEM, 3)!, /before it is written/);
  assert.equal(one(BPF.LD_ABS, 60), null);
});
