/** eBPF instructions: bytes, values and text say the same, and nothing outside of the subset is an instruction. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assemble } from '../../packages/landward/src/programs/code/assemble.ts';
import { decode } from '../../packages/landward/src/programs/code/decode.ts';
import { disassemble } from '../../packages/landward/src/programs/code/disassemble.ts';
import { encode } from '../../packages/landward/src/programs/code/encode.ts';
import { MAX_SLOTS } from '../../packages/landward/src/programs/code/instruction.ts';
import { ProgramError } from '../../packages/landward/src/programs/code/invalid.ts';
import { code } from '../kit/ebpf-arbitrary.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

test('bytes and instructions: each gives the other back', () => {
  fc.assert(
    fc.property(code, (program) => assert.deepEqual(decode(encode(program)), program)),
    { seed: 1, numRuns: 1000 },
  );
});

test('text and instructions: each gives the other back', () => {
  fc.assert(
    fc.property(code, (program) => assert.deepEqual(assemble(disassemble(program)), program)),
    { seed: 2, numRuns: 1000 },
  );
});

test('random bytes are refused with a place, or are the encoding of what they decode to', () => {
  let accepted = 0;
  // One slot at a time, with plausible registers, so that many are instructions.
  const slot = fc.tuple(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0, 1, 0x10, 0x21, 0xbb),
    fc.constantFrom(0, 0, 1, 8, 32),
    fc.constantFrom(0, 0, 1, 16, 0xa0, 0xe1),
  );
  fc.assert(
    fc.property(slot, ([opcode, registers, offset, imm]) => {
      const bytes = Uint8Array.from([opcode, registers, offset, 0, imm, 0, 0, 0]);
      try {
        const program = decode(bytes);
        accepted++;
        // The long form of a jump is the one that has a shorter spelling.
        if (opcode !== 0x06) assert.deepEqual(encode(program), bytes);
      } catch (error) {
        assert.ok(error instanceof ProgramError);
        assert.equal(error.slot, 0);
        assert.match(error.message, /^instruction 0 \(opcode 0x[0-9a-f]{2}\): /);
      }
    }),
    { seed: 3, numRuns: 5000 },
  );
  assert.ok(accepted > 200, `${accepted} accepted`);
});

test('encodings as LLVM 14 writes them', () => {
  for (const [bytes, text] of [
    ['b7 00 00 00 01 00 00 00', 'r0 = 1'],
    ['b4 01 00 00 ff ff ff ff', 'w1 = -1'],
    ['79 12 08 00 00 00 00 00', 'r2 = *(u64 *)(r1 + 8)'],
    ['7b 1a f8 ff 00 00 00 00', '*(u64 *)(r10 - 8) = r1'],
    ['85 00 00 00 01 00 00 00', 'call 1'],
    ['85 10 00 00 02 00 00 00', 'call pc+2'],
    ['db 21 00 00 00 00 00 00', 'lock *(u64 *)(r1 + 0) += r2'],
    ['db 21 00 00 01 00 00 00', 'r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)'],
    ['c3 21 00 00 f1 00 00 00', 'w0 = cmpxchg((u32 *)(r1 + 0), w0, w2)'],
    ['dc 01 00 00 10 00 00 00', 'r1 = be16 r1'],
    ['65 01 fe ff 03 00 00 00', 'if r1 s> 3 goto -2'],
    ['18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11', 'r1 = 0x1122334455667788 ll'],
    ['18 11 00 00 02 00 00 00 00 00 00 00 00 00 00 00', 'r1 = map[2] ll'],
  ] as const) {
    assert.equal(disassemble(decode(hex(bytes))).replace(/^\d+: /, ''), text);
    assert.deepEqual(encode(assemble(text)), hex(bytes), text);
  }
});

test('what no decoder of this subset may take', () => {
  for (const [bytes, reason] of [
    ['', /empty/],
    ['b7 00 00 00 00 00 00', /whole number/],
    ['20 00 00 00 00 00 00 00', /no instruction of the subset/], // absolute packet load
    ['18 00 00 00 00 00 00 00', /without its second half/],
    ['18 00 00 00 00 00 00 00 b7 00 00 00 00 00 00 00', /without its second half/],
    ['18 21 00 00 00 00 00 00 00 00 00 00 00 00 00 00', /kind 2/], // address inside a map
    ['b7 0b 00 00 00 00 00 00', /no register r11/],
    ['b7 10 00 00 00 00 00 00', /unused field src/],
    ['95 00 01 00 00 00 00 00', /unused field offset/],
    ['85 20 00 00 01 00 00 00', /a call of kind 2/], // kernel function
    ['8d 00 00 00 00 00 00 00', /no instruction of the subset/], // call by register
    ['db 21 00 00 02 00 00 00', /no atomic operation/],
    ['db 21 00 00 e0 00 00 00', /no atomic operation/],
    ['99 21 00 00 00 00 00 00', /no memory access/], // sign-extending load of 8 bytes
  ] as const)
    assert.throws(() => decode(hex(bytes)), reason, bytes);
  assert.throws(() => decode(new Uint8Array((MAX_SLOTS + 1) * 8)), /more than 4096/);
});

test('labels, names of maps, comments, and lines that are none', () => {
  const program = assemble(
    `
    r1 = map[seen] ll   ; the map
again:
    r0 += 1
    if r0 < 10 goto again
    goto done           // forwards
done:
    exit`,
    ['other', 'seen'],
  );
  assert.equal(
    disassemble(program),
    '0: r1 = map[1] ll\n2: r0 += 1\n3: if r0 < 10 goto -2\n4: goto +0\n5: exit',
  );
  for (const text of [
    'r0 = ',
    'r0 = w1',
    'goto nowhere',
    'a:\na:',
    'r1 = map[gone] ll',
    'call r1',
    'w1 = -w2',
  ])
    assert.throws(() => assemble(text), /^ProgramError: line \d+: /);
});
