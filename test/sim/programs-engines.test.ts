/** The interpreter and compiled programs: the same result, memory and end for every program, and for every budget. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Hook } from '../../packages/landward/src/model/programs/index.ts';
import { assemble } from '../../packages/landward/src/programs/code/assemble.ts';
import { disassemble } from '../../packages/landward/src/programs/code/disassemble.ts';
import type { Code } from '../../packages/landward/src/programs/code/instruction.ts';
import { CONTEXTS } from '../../packages/landward/src/programs/hooks/contexts.ts';
import { writeContext } from '../../packages/landward/src/programs/load.ts';
import { interpret } from '../../packages/landward/src/programs/run/interpret.ts';
import { FUEL, Machine, type Outcome } from '../../packages/landward/src/programs/run/machine.ts';
import type { MapDefinition } from '../../packages/landward/src/programs/run/maps.ts';
import { verify } from '../../packages/landward/src/programs/verify/verify.ts';
import { compile } from '../../packages/landward/src/programs/wasm/compile.ts';
import { contextFor, hookProgram } from '../kit/ebpf-hooks.ts';
import { program } from '../kit/ebpf-programs.ts';

const MAPS: readonly MapDefinition[] = [{ name: 'm', kind: 'hash', keyBytes: 4, valueBytes: 8, entries: 3 }];
const context = { cookie: 5n, inode: 'i', triggers: 0x123456789an };

function both(
  code: Code,
  fuel: number,
): { readonly outcomes: readonly Outcome[]; readonly machines: readonly Machine[] } {
  const verified = verify('fs_pick', code, MAPS);
  const machines = [new Machine(MAPS), new Machine(MAPS)];
  for (const machine of machines) writeContext(machine, CONTEXTS.fs_pick, context);
  const outcomes = [interpret(verified, machines[0]!, fuel), compile(verified, machines[1]!)(fuel)];
  return { outcomes, machines };
}

/** Runs in both engines, which must agree, and gives the outcome. */
function run(text: string, fuel: number = FUEL): Outcome {
  const { outcomes, machines } = both(assemble(text), fuel);
  assert.deepEqual(outcomes[0], outcomes[1], text);
  assert.deepEqual(machines[0]!.bytes, machines[1]!.bytes);
  return outcomes[0]!;
}

test('random programs: same end, same memory, in every budget', () => {
  const ends: Record<Outcome['end'], number> = { returned: 0, fuel: 0, fault: 0 };
  fc.assert(
    fc.property(program, fc.constantFrom(50, 2000), (code, fuel) => {
      const { outcomes, machines } = both(code, fuel);
      assert.deepEqual(outcomes[0], outcomes[1], disassemble(code));
      assert.equal(Buffer.compare(machines[0]!.bytes, machines[1]!.bytes), 0, disassemble(code));
      ends[outcomes[0]!.end]++;
    }),
    { seed: 7, numRuns: 600 },
  );
  assert.equal(ends.fault, 0);
  assert.ok(ends.returned > 100 && ends.fuel > 30, JSON.stringify(ends));
});

for (const hook of Object.keys(CONTEXTS) as Hook[])
  test(`random programs of ${hook}: they see, write and ask the same in both engines`, () => {
    const maps: readonly MapDefinition[] = [
      ...MAPS,
      { name: 'i', kind: 'inode', keyBytes: 4, valueBytes: 8, entries: 3 },
    ];
    let returned = 0;
    const values = new Set<bigint>();
    fc.assert(
      fc.property(hookProgram(hook), contextFor(hook), (code, shown) => {
        const verified = verify(hook, code, maps);
        const machines = [new Machine(maps), new Machine(maps)];
        for (const machine of machines) {
          machine.maps[1]!.put('known', Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2), 0n);
          writeContext(machine, CONTEXTS[hook], shown);
        }
        const outcomes = [interpret(verified, machines[0]!, 900), compile(verified, machines[1]!)(900)];
        assert.deepEqual(outcomes[0], outcomes[1], disassemble(code));
        assert.equal(Buffer.compare(machines[0]!.bytes, machines[1]!.bytes), 0, disassemble(code));
        assert.notEqual(outcomes[0]!.end, 'fault', disassemble(code));
        if (outcomes[0]!.end !== 'returned') return;
        returned++;
        values.add(outcomes[0]!.value);
      }),
      { seed: 8, numRuns: 150 },
    );
    assert.ok(returned > 75, `${returned} returned`);
    assert.deepEqual([...values].sort(), [0n, 1n]);
  });

test('results that the specification names, in both engines', () => {
  const equals = (code: string, value: bigint) =>
    assert.deepEqual(
      run(
        `${code}\nr9 = 0x${BigInt.asUintN(64, value).toString(16)} ll\nr0 = 0\nif r1 == r9 goto +1\nr0 = 1\nexit`,
      ),
      { end: 'returned', value: 0n },
      `${code} is not ${value}`,
    );
  equals('r1 = 7\nr1 /= 0', 0n);
  equals('r1 = 7\nr1 %= 0', 7n);
  equals('r1 = -7\nw1 /= 0', 0n);
  equals('r1 = -7\nw1 %= 0', 0xffff_fff9n);
  equals('r1 = -7\nr1 s/= 2', -3n);
  equals('r1 = -7\nr1 s%= 2', -1n);
  equals('r1 = -7\nw1 s/= 2', 0xffff_fffdn);
  equals('r1 = 0x8000000000000000 ll\nr1 s/= -1', -(1n << 63n));
  equals('r1 = 0x8000000000000000 ll\nr1 s%= -1', 0n);
  equals('r1 = 0x80000000 ll\nw1 s/= -1', 0x8000_0000n);
  equals('r1 = 0x80000000 ll\nw1 s%= -1', 0n);
  equals('r1 = -1\nw1 += 0', 0xffff_ffffn);
  equals('w1 = -1', 0xffff_ffffn);
  equals('r1 = -1', -1n);
  equals('r1 = 1\nr2 = 65\nr1 <<= r2', 2n);
  equals('r1 = 1\nr2 = 33\nw1 <<= w2', 2n);
  equals('r1 = -8\nr1 s>>= 1', -4n);
  equals('r1 = 0xffff80000000 ll\nw1 s>>= 4', 0xf800_0000n);
  equals('r1 = 5\nr1 = -r1', -5n);
  equals('r1 = 5\nw1 = -w1', 0xffff_fffbn);
  equals('r2 = 0x1ff80 ll\nr1 = (s8)r2', -128n);
  equals('r2 = 0x1ff80 ll\nw1 = (s16)w2', 0xffff_ff80n);
  equals('r1 = 0x1122334455667788 ll\nr1 = be16 r1', 0x8877n);
  equals('r1 = 0x1122334455667788 ll\nr1 = be32 r1', 0x8877_6655n);
  equals('r1 = 0x1122334455667788 ll\nr1 = bswap64 r1', 0x8877_6655_4433_2211n);
  equals('r1 = 0x1122334455667788 ll\nr1 = le32 r1', 0x5566_7788n);
  const place = '*(u64 *)(r10 - 8) = 5\nr2 = 3\nr0 = 5\n';
  equals(
    `${place}r2 = atomic_fetch_add((u64 *)(r10 - 8), r2)\nr1 = *(u64 *)(r10 - 8)\nr1 <<= 8\nr1 |= r2`,
    0x805n,
  );
  equals(`${place}r0 = cmpxchg((u64 *)(r10 - 8), r0, r2)\nr1 = *(u64 *)(r10 - 8)`, 3n);
  equals(`${place}r0 = 4\nr0 = cmpxchg((u64 *)(r10 - 8), r0, r2)\nr1 = *(u64 *)(r10 - 8)\nr1 += r0`, 10n);
  equals(`${place}w2 = xchg((u32 *)(r10 - 8), w2)\nr1 = r2`, 5n);
});

test('a function has registers and a stack of its own; r6 to r9 of its caller stay', () => {
  const text = `
    *(u64 *)(r10 - 8) = 40
    r6 = 1
    r1 = r10
    r1 += -8
    call inner
    r0 += r6
    r1 = *(u64 *)(r10 - 8)
    r0 += r1
    if r0 != 145 goto bad
    r0 = 0
    exit
  bad:
    r0 = 1
    exit
  inner:
    r6 = 100
    *(u64 *)(r10 - 8) = 7
    r2 = *(u64 *)(r1 + 0)
    r2 += 1
    *(u64 *)(r1 + 0) = r2
    r0 = r6
    r0 += 3
    exit`;
  assert.deepEqual(run(text), { end: 'returned', value: 0n });
});

test('a program that never ends is stopped by its budget [R-002-11]', () => {
  assert.deepEqual(run('again:\ngoto again'), { end: 'fuel' });
  const sum = 'r0 = 0\nr1 = 0\nagain:\nr1 += 1\nif r1 != 1000 goto again\nexit';
  assert.deepEqual(run(sum), { end: 'returned', value: 0n });
  // 999 jumps over two instructions each.
  assert.deepEqual(run(sum, 1998), { end: 'returned', value: 0n });
  assert.deepEqual(run(sum, 1997), { end: 'fuel' });
});

test('calls take from the budget: a tree of calls cannot outgrow it [R-002-11]', () => {
  let text = '';
  for (let depth = 0; depth < 7; depth++)
    text += `f${depth}:\nr6 = 100\nagain${depth}:\ncall f${depth + 1}\nr6 += -1\nif r6 != 0 goto again${depth}\nr0 = 0\nexit\n`;
  assert.deepEqual(run(`${text}f7:\nr0 = 0\nexit`), { end: 'fuel' });
});
