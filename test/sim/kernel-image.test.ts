/** Images as bytes: what the builder writes, read back by a reader of its own that follows `native/apply.h` alone. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  type Image,
  ImageBuilder,
  type Place,
  readBytes,
  readSlot,
  type Slot,
  type StepArg,
} from '../../packages/landward/src/kernel/image.ts';
import { type SyscallName, syscallNumber } from '../../packages/landward/src/uapi/syscalls.ts';

interface ReadStep {
  readonly nr: number;
  readonly args: readonly { readonly kind: number; readonly value: bigint }[];
  readonly store: number;
  readonly okErrno: number;
}

/** Reads an image as the C routine does, and applies its relocations for a base. */
function read(
  bytes: Uint8Array,
  base: bigint,
): { readonly steps: readonly ReadStep[]; readonly memory: DataView } {
  const memory = new DataView(bytes.slice().buffer);
  const word = (at: number) => memory.getUint32(at, true);
  assert.equal(word(0), 0x3157_444c);
  assert.equal(word(4), 1);
  assert.equal(word(8), bytes.length);
  assert.equal(word(28), 0);
  const [stepsAt, stepCount, relocsAt, relocCount] = [12, 16, 20, 24].map(word) as [
    number,
    number,
    number,
    number,
  ];
  const moved = base - memory.getBigUint64(32, true);
  for (let i = 0; i < relocCount; i++) {
    const at = word(relocsAt + 4 * i);
    memory.setBigUint64(at, memory.getBigUint64(at, true) + moved, true);
  }
  const steps = Array.from({ length: stepCount }, (_, index): ReadStep => {
    const at = stepsAt + 64 * index;
    const args = Array.from({ length: 6 }, (__, arg) => ({
      kind: (word(at + 4) >>> (4 * arg)) & 0xf,
      value: memory.getBigUint64(at + 16 + 8 * arg, true),
    }));
    return { nr: word(at), args, store: word(at + 8), okErrno: word(at + 12) };
  });
  return { steps, memory };
}

function textAt(memory: DataView, at: number): string {
  const bytes = new Uint8Array(memory.buffer, at);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

const BASE = 0x7fff_1234_5000n;

test('texts, arrays of texts and structures keep their content whatever is added later', () => {
  const unit = fc.constantFrom('a', '/', ' ', '\n', 'ü', '€', '漢', '😀', '\u0001', '\uffff');
  const text = fc.string({ unit, maxLength: 12 });
  const property = fc.property(
    fc.array(
      fc.oneof(
        fc.record({ text }),
        fc.record({ list: fc.array(text, { maxLength: 5 }) }),
        fc.record({ bytes: fc.uint8Array() }),
      ),
    ),
    fc.constantFrom('x86_64' as const, 'aarch64' as const),
    (parts, arch) => {
      const build = new ImageBuilder(arch);
      const places = parts.map((part): Place => {
        if ('text' in part) return build.string(part.text);
        return 'list' in part ? build.strings(part.list) : build.bytes(part.bytes);
      });
      for (const place of places) build.step('close', [place], 'look');
      const image = build.build();
      const { steps, memory } = read(image.bytes, BASE);
      assert.equal(steps.length, parts.length);
      for (const [index, part] of parts.entries()) {
        const [first] = steps[index]!.args;
        assert.equal(first!.kind, 1);
        const at = Number(first!.value);
        assert(at >= image.data);
        if ('text' in part) assert.equal(textAt(memory, at), part.text);
        if ('bytes' in part)
          assert.deepEqual(new Uint8Array(memory.buffer, at, part.bytes.length), part.bytes);
        if (!('list' in part)) continue;
        const pointers = part.list.map((_, item) => memory.getBigUint64(at + 8 * item, true));
        assert.deepEqual(
          pointers.map((pointer) => textAt(memory, Number(pointer - BASE))),
          part.list,
        );
        assert.equal(memory.getBigUint64(at + 8 * part.list.length, true), 0n);
      }
    },
  );
  fc.assert(property, { seed: 1, numRuns: 100 });
});

test('arguments, results and accepted errnos are written as given', () => {
  const calls: readonly SyscallName[] = ['openat', 'close', 'prctl', 'landlock_restrict_self', 'execve'];
  const number = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(-1, 0, 2 ** 32, -(2 ** 32), 2 ** 53 - 1));
  const arg = fc.oneof(
    number,
    fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
    fc.constant(null),
    fc.constant('place' as const),
    fc.constant('slot' as const),
  );
  const step = fc.record({
    call: fc.constantFrom(...calls),
    args: fc.array(arg, { maxLength: 6 }),
    store: fc.boolean(),
    okErrno: fc.option(fc.oneof(fc.integer({ min: 1, max: 133 }), fc.constant('any' as const)), {
      nil: undefined,
    }),
  });
  const property = fc.property(fc.array(step, { maxLength: 20 }), (rows) => {
    const build = new ImageBuilder('aarch64');
    const [place, slot]: [Place, Slot] = [build.string('a place'), build.slot(-5)];
    const given = (value: (typeof rows)[number]['args'][number]): StepArg =>
      value === 'place' ? place : value === 'slot' ? slot : value;
    for (const row of rows) {
      build.step(row.call, row.args.map(given), 'x', {
        ...(row.store ? { store: slot } : {}),
        ...(row.okErrno === undefined ? {} : { okErrno: row.okErrno }),
      });
    }
    const image = build.build();
    const { steps } = read(image.bytes, BASE);
    assert.deepEqual(
      image.steps.map(({ call }) => call),
      rows.map(({ call }) => call),
    );
    for (const [index, row] of rows.entries()) {
      const written = steps[index]!;
      assert.equal(written.nr, syscallNumber('aarch64', row.call));
      assert.equal(written.store, row.store ? image.data + slot.at + 1 : 0);
      assert.equal(written.okErrno, row.okErrno === 'any' ? 0xffff_ffff : (row.okErrno ?? 0));
      for (const [at, { kind, value }] of written.args.entries()) {
        const wanted = row.args[at] ?? null;
        if (wanted === 'place') assert.deepEqual([kind, value], [1, BigInt(image.data + place.at)]);
        else if (wanted === 'slot') assert.deepEqual([kind, value], [2, BigInt(image.data + slot.at)]);
        else assert.deepEqual([kind, value], [0, BigInt.asUintN(64, BigInt(wanted ?? 0))]);
      }
    }
    assert.equal(readSlot(image, slot), -5);
  });
  fc.assert(property, { seed: 2, numRuns: 300 });
});

test('places and slots are aligned, and never overlap', () => {
  const kind = fc.record({ size: fc.nat(70), kind: fc.constantFrom('text', 'bytes', 'slot', 'pointers') });
  const property = fc.property(fc.array(kind, { maxLength: 40 }), (kinds) => {
    const build = new ImageBuilder('x86_64');
    let end = 0;
    for (const { size, kind } of kinds) {
      if (kind === 'text') end = check(build.string('x'.repeat(size)), size + 1, 1);
      if (kind === 'bytes') end = check(build.bytes(new Uint8Array(size)), size, 8);
      if (kind === 'slot') end = check(build.slot(), 4, 4);
      if (kind === 'pointers') end = check(build.pointers([]), 8, 8);
    }
    function check({ at }: Place | Slot, size: number, align: number): number {
      assert(at >= end, 'overlaps');
      assert.equal(at % align, 0);
      return at + size;
    }
    const image = build.build();
    assert.equal(image.data % 8, 0);
    assert(image.bytes.length >= image.data + end);
  });
  fc.assert(property, { seed: 3, numRuns: 300 });
});

test('a builder goes on after building, and the first image stays as it was', () => {
  const build = new ImageBuilder('x86_64');
  const first = build.string('first');
  build.step('chdir', [first], 'first');
  const one: Image = build.build();
  const copy = one.bytes.slice();
  build.step('chdir', [build.string('second')], 'second');
  const two = build.build();
  assert.deepEqual(one.bytes, copy);
  assert.equal(one.steps.length, 1);
  const { steps, memory } = read(two.bytes, 0n);
  assert.deepEqual(
    steps.map(({ args }) => textAt(memory, Number(args[0]!.value))),
    ['first', 'second'],
  );
});

test('a structure that a step fills can be read in place', () => {
  const build = new ImageBuilder('x86_64');
  const place = build.bytes(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
  const image = build.build();
  assert.equal(readBytes(image, place, 8).getUint16(2, true), 0x0403);
  assert.equal(readSlot(image, build.field(place, 4)), 0x0807_0605);
});

test('what is no step is refused', () => {
  const build = new ImageBuilder('aarch64');
  assert.throws(() => build.step('open', [], 'x'), /open is no system call of aarch64/);
  assert.throws(() => build.step('close', [0, 0, 0, 0, 0, 0, 0], 'x'), /more than six/);
  build.step('close', [0.5], 'x');
  assert.throws(() => build.build(), TypeError);
  assert.throws(() => build.strings(['a', 'b\0c']), TypeError);
});
