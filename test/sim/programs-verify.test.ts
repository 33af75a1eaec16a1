/** The verifier: what each rule refuses, with the place and the reason, and what it must accept. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assemble } from '../../packages/landward/src/programs/code/assemble.ts';
import type { Code } from '../../packages/landward/src/programs/code/instruction.ts';
import { ProgramError } from '../../packages/landward/src/programs/code/invalid.ts';
import { CONTEXTS, type ProgramHook } from '../../packages/landward/src/programs/hooks/contexts.ts';
import { writeContext } from '../../packages/landward/src/programs/load.ts';
import { interpret } from '../../packages/landward/src/programs/run/interpret.ts';
import { Machine, STACK_ADDRESS } from '../../packages/landward/src/programs/run/machine.ts';
import type { MapDefinition } from '../../packages/landward/src/programs/run/maps.ts';
import { verify } from '../../packages/landward/src/programs/verify/verify.ts';
import { compile } from '../../packages/landward/src/programs/wasm/compile.ts';
import { code as anyCode } from '../kit/ebpf-arbitrary.ts';

const MAPS: readonly MapDefinition[] = [
  { name: 'array', kind: 'array', keyBytes: 4, valueBytes: 16, entries: 4 },
  { name: 'hash', kind: 'hash', keyBytes: 8, valueBytes: 8, entries: 4 },
  { name: 'inodes', kind: 'inode', keyBytes: 4, valueBytes: 8, entries: 4 },
];
const NAMES = MAPS.map(({ name }) => name);
const accept = (text: string, hook: ProgramHook = 'ptrace') => verify(hook, assemble(text, NAMES), MAPS);
const refuse = (text: string, reason: RegExp, hook: ProgramHook = 'ptrace') =>
  assert.throws(
    () => accept(text, hook),
    (error: unknown) => {
      assert.ok(error instanceof ProgramError, String(error));
      assert.match(error.message, reason, text);
      return true;
    },
    text,
  );
const ALLOW = 'r0 = 0\nexit';
/** r0 is a pointer to a value of the array, or null. */
const LOOKUP = '*(u32 *)(r10 - 4) = 1\nr1 = map[array] ll\nr2 = r10\nr2 += -4\ncall 1\n';

test('the four cases of the 2019 tests [R-002-31]', () => {
  accept(ALLOW);
  refuse(
    'r0 = 2\nexit',
    /^instruction 1 \(exit\): the program returns the number 2: it may be 0 \(allow\) or 1 \(deny\)/,
  );
  accept(`r6 = r1\nr1 = *(u64 *)(r6 + 0)\nr2 = *(u64 *)(r6 + 8)\ncall 1000\n${ALLOW}`);
  refuse(`r1 = *(u64 *)(r1 + 0)\nr1 += 1\n${ALLOW}`, /^instruction 1 \(r1 \+= 1\): no arithmetic on a task$/);
});

test('a program is loaded for a hook that exists, and for nothing else [R-002-15]', () => {
  for (const hook of Object.keys(CONTEXTS) as ProgramHook[]) accept(ALLOW, hook);
  for (const hook of ['', 'socket', 'toString', '__proto__'])
    assert.throws(() => verify(hook as ProgramHook, assemble(ALLOW), []), /no such hook/);
});

test('the context is read at the exact offsets of its fields, whole, and never written [R-002-16]', () => {
  for (const offset of [0, 4, 8, 12, 16])
    for (const bits of [8, 16, 32, 64]) {
      const read = `r0 = *(u${bits} *)(r1 + ${offset})\n${ALLOW}`;
      if (bits === 64 && (offset === 0 || offset === 8)) accept(read);
      else refuse(read, /^instruction 0 .*(no field of|can only be read whole)/);
      refuse(
        `*(u${bits} *)(r1 + ${offset}) = 0\n${ALLOW}`,
        /no field of|can only be read whole|cannot be written/,
      );
    }
  refuse(`r0 = *(u64 *)(r1 - 8)\n${ALLOW}`, /no field/);
  refuse(`r0 = *(s8 *)(r1 + 0)\n${ALLOW}`, /read whole/);
  // Numbers may be read in parts; only the cookie is written.
  for (const bits of [8, 16, 32, 64]) accept(`r0 = *(u${bits} *)(r1 + 16)\n${ALLOW}`, 'fs_walk');
  accept(`*(u64 *)(r1 + 0) = 7\n${ALLOW}`, 'fs_walk');
  refuse(`*(u64 *)(r1 + 16) = 7\n${ALLOW}`, /lookup cannot be written/, 'fs_walk');
  refuse(`*(u64 *)(r1 + 8) = 7\n${ALLOW}`, /inode cannot be written/, 'fs_walk');
  refuse(`r2 = 1\nlock *(u64 *)(r1 + 0) += r2\n${ALLOW}`, /no atomic/, 'fs_walk');
  refuse(`r2 = 0\nr1 += r2\n${ALLOW}`, /no arithmetic on the context/);
});

test('a task can be kept on the stack, and only whole [R-002-16]', () => {
  const spill = 'r6 = *(u64 *)(r1 + 0)\n*(u64 *)(r10 - 8) = r6\n';
  accept(`${spill}r1 = *(u64 *)(r10 - 8)\nr2 = r1\ncall 1000\n${ALLOW}`);
  refuse(`${spill}r1 = *(u32 *)(r10 - 8)\n${ALLOW}`, /here is a task: it can only be read whole/);
  refuse(`${spill}*(u8 *)(r10 - 8) = 1\n${ALLOW}`, /here is a task: a part of it cannot be written/);
  refuse(`r6 = *(u64 *)(r1 + 0)\n*(u32 *)(r10 - 8) = r6\n${ALLOW}`, /only be stored whole/);
  refuse(`${spill}r2 = 1\nlock *(u64 *)(r10 - 8) += r2\n${ALLOW}`, /no arithmetic on a task/);
});

test('nothing is computed with a task, nothing is read through it, and it goes nowhere [R-002-17]', () => {
  const task = 'r6 = *(u64 *)(r1 + 0)\n';
  for (const sign of ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', '%=', '^=', 's>>=']) {
    refuse(`${task}r6 ${sign} 1\n${ALLOW}`, /no arithmetic on a task/);
    refuse(`${task}r7 = 1\nr7 ${sign} r6\n${ALLOW}`, /no arithmetic on a task/);
  }
  for (const line of ['r6 = -r6', 'w6 = w6', 'r7 = (s32)r6', 'r6 = be64 r6'])
    refuse(`${task}${line}\n${ALLOW}`, /no arithmetic on a task/);
  refuse(`${task}r0 = *(u64 *)(r6 + 0)\n${ALLOW}`, /the address is a task, and no memory/);
  refuse(`${task}*(u64 *)(r6 + 0) = 1\n${ALLOW}`, /the address is a task/);
  refuse(`${task}r0 = r6\nexit`, /returns r0, which is a task/);
  refuse(
    `${task}${LOOKUP}if r0 == 0 goto +1\n*(u64 *)(r0 + 0) = r6\n${ALLOW}`,
    /a task can only be stored on the stack/,
  );
  refuse(`${task}if r6 > 5 goto +0\n${ALLOW}`, /a task can only be compared with 0/);
  refuse(`${task}r7 = r6\nif r6 == r7 goto +0\n${ALLOW}`, /can only be compared with 0/);
  // As a key or a value of a map it would come out as a number.
  const asKey = `${task}*(u64 *)(r10 - 8) = r6\nr1 = map[hash] ll\nr2 = r10\nr2 += -8\n`;
  refuse(
    `${asKey}call 1\n${ALLOW}`,
    /map_lookup: r2 must point to 8 bytes of numbers, and a task is among them/,
  );
  refuse(
    `*(u64 *)(r10 - 16) = 1\n${asKey.replace('r2 += -8', 'r2 += -16')}r3 = r10\nr3 += -8\nr4 = 0\ncall 2\n${ALLOW}`,
    /map_update: r3 must point to 8 bytes of numbers, and a task/,
  );
});

test('what is returned is proven to be 0 or 1 [R-002-18]', () => {
  accept('r0 = 1\nexit');
  for (const value of [2, 3, -1, 256]) refuse(`r0 = ${value}\nexit`, /may be 0 \(allow\) or 1 \(deny\)/);
  const unknown = 'r0 = *(u64 *)(r1 + 0)\n';
  refuse(`${unknown}exit`, /returns a number from 0 to 18446744073709551615/, 'fs_walk');
  accept(`${unknown}r0 &= 1\nexit`, 'fs_walk');
  accept(`${unknown}w0 &= 1\nexit`, 'fs_walk');
  accept(`${unknown}r0 %= 2\nexit`, 'fs_walk');
  accept(`${unknown}r0 >>= 63\nexit`, 'fs_walk');
  accept(`${unknown}if r0 < 2 goto +1\nr0 = 1\nexit`, 'fs_walk');
  refuse(`${unknown}if r0 s< 2 goto +1\nr0 = 1\nexit`, /may be 0/, 'fs_walk');
  refuse(`${unknown}if w0 < 2 goto +1\nr0 = 1\nexit`, /may be 0/, 'fs_walk');
  refuse('exit', /returns r0, which is not initialised/);
  refuse('r0 = r1\nexit', /returns r0, which is the context/);
});

test('helpers of the hook only [R-002-19]', () => {
  refuse(`call 14\n${ALLOW}`, /^instruction 0 \(call 14\): there is no helper 14$/); // the subject's ids
  for (const number of [0, 4, 5, 6, 15, 16, 35, 112, 999, 1002])
    refuse(`call ${number}\n${ALLOW}`, /no helper/);
  refuse(
    `r2 = *(u64 *)(r1 + 8)\nr1 = map[inodes] ll\ncall 1001\n${ALLOW}`,
    /this hook has no helper inode_lookup/,
  );
  accept(`r2 = *(u64 *)(r1 + 8)\nr1 = map[inodes] ll\ncall 1001\n${ALLOW}`, 'fs_pick');
  refuse(`call 1000\n${ALLOW}`, /this hook has no helper ptrace_ancestor/, 'fs_pick');
});

test('every argument is what the helper takes [R-002-19, R-002-20]', () => {
  refuse(`r2 = 0\ncall 1000\n${ALLOW}`, /ptrace_ancestor: r1 must be a task and is the context/);
  refuse(`r1 = *(u64 *)(r1 + 0)\ncall 1000\n${ALLOW}`, /r2 must be a task and is not initialised/);
  refuse(`r1 = *(u64 *)(r1 + 0)\nr2 = 0\ncall 1000\n${ALLOW}`, /r2 must be a task and is the number 0/);
  refuse(
    `r2 = r1\nr1 = *(u64 *)(r1 + 8)\ncall 1000\n${ALLOW}`,
    /r2 must be a task and is the context/,
    'ptrace',
  );
  refuse(`r1 = 1\nr2 = r10\ncall 1\n${ALLOW}`, /map_lookup: r1 must be a map and is the number 1/);
  refuse(`r1 = map[inodes] ll\nr2 = r10\ncall 1\n${ALLOW}`, /map of kind array or hash and is inode/);
  refuse(`r1 = map[7] ll\n${ALLOW}`, /there is no map 7/);
  refuse(
    `r1 = map[array] ll\nr2 = r10\nr2 += -4\ncall 1\n${ALLOW}`,
    /initialised bytes of the stack: the one at -4 is not/,
  );
  refuse(`r1 = map[array] ll\nr2 = r10\ncall 1\n${ALLOW}`, /are not all in it/);
  refuse(`r1 = map[array] ll\nr2 = 4\ncall 1\n${ALLOW}`, /r2 must point to 4 bytes and is the number 4/);
  // r1 to r5 are gone after a call.
  refuse(`${LOOKUP}r0 = r2\nexit`, /the source is not initialised/);
});

test('a value is used after it was compared with 0, and inside of its bytes', () => {
  refuse(`${LOOKUP}r1 = *(u64 *)(r0 + 0)\n${ALLOW}`, /was not compared with 0/);
  refuse(
    `${LOOKUP}r0 += 8\n${ALLOW}`,
    /no arithmetic on a pointer to a value of a map that was not compared/,
  );
  const found = `${LOOKUP}if r0 != 0 goto +1\nexit\n`;
  accept(`${found}r1 = *(u64 *)(r0 + 8)\n${ALLOW}`);
  refuse(`${found}r1 = *(u64 *)(r0 + 9)\n${ALLOW}`, /has 16 bytes: the access can cover 9 to 16/);
  refuse(`${found}r1 = *(u8 *)(r0 - 1)\n${ALLOW}`, /can cover -1 to -1/);
  accept(`${found}r1 = *(u64 *)(r0 + 0)\nr1 &= 15\nr0 += r1\nr2 = *(u8 *)(r0 + 0)\n${ALLOW}`);
  refuse(
    `${found}r1 = *(u64 *)(r0 + 0)\nr1 &= 16\nr0 += r1\nr2 = *(u8 *)(r0 + 0)\n${ALLOW}`,
    /can cover 0 to 16/,
  );
  refuse(`${found}r1 = *(u64 *)(r0 + 0)\nr0 += r1\n${ALLOW}`, /bound it first/);
  // A copy is known with it, a result of a later call is not.
  accept(`${LOOKUP}r6 = r0\nif r0 == 0 goto +1\nr1 = *(u64 *)(r6 + 0)\n${ALLOW}`);
  refuse(
    `r6 = 0\nagain:\n${LOOKUP}r7 = r6\nr6 = r0\nif r0 == 0 goto +3\nif r7 == 0 goto again\nr1 = *(u64 *)(r7 + 0)\n${ALLOW}`,
    /not initialised|not compared/,
  );
  refuse(
    `r2 = *(u64 *)(r1 + 8)\nr1 = map[inodes] ll\ncall 1001\nif r0 == 0 goto +1\n*(u64 *)(r0 + 0) = 1\n${ALLOW}`,
    /cannot change an inode map/,
    'fs_pick',
  );
});

test('registers and the stack are initialised before they are read, on every way', () => {
  refuse(`r0 = r2\nexit`, /^instruction 0 \(r0 = r2\): the source is not initialised/);
  refuse(`r0 += 1\n${ALLOW}`, /the destination is not initialised/);
  refuse(
    `r2 = *(u64 *)(r1 + 16)\nif r2 == 0 goto +1\nr0 = 1\nexit`,
    /returns r0, which is not initialised/,
    'fs_walk',
  );
  refuse(`if r3 == 0 goto +0\n${ALLOW}`, /a side of the comparison is not initialised/);
  refuse(`*(u64 *)(r10 - 8) = r3\n${ALLOW}`, /what is stored is not initialised/);
  refuse(`r0 = *(u64 *)(r10 - 8)\n${ALLOW}`, /stack are not initialised/);
  accept(`*(u32 *)(r10 - 8) = 1\n*(u32 *)(r10 - 4) = 1\nr0 = *(u64 *)(r10 - 8)\n${ALLOW}`);
  refuse(`*(u32 *)(r10 - 8) = 1\nr0 = *(u64 *)(r10 - 8)\n${ALLOW}`, /not initialised/);
  refuse(`r2 = 1\nlock *(u64 *)(r10 - 8) += r2\n${ALLOW}`, /not initialised/);
  // On one way only, in whole or in part, and a number on one way where a task is on the other.
  const either = (one: string, other: string, read: string) =>
    `r2 = *(u64 *)(r1 + 16)\nif r2 == 0 goto other\n${one}\ngoto on\nother:\n${other}\non:\n${read}\n${ALLOW}`;
  const [whole, half] = ['*(u64 *)(r10 - 8) = 1', '*(u32 *)(r10 - 8) = 1'];
  const read = (bits: number) => `r0 = *(u${bits} *)(r10 - 8)`;
  accept(either(whole, whole, read(64)), 'fs_walk');
  accept(either(whole, half, read(32)), 'fs_walk');
  const inode = 'r3 = *(u64 *)(r1 + 8)\n*(u64 *)(r10 - 8) = r3';
  for (const [one, other, bits] of [
    [whole, 'r3 = 0', 64],
    ['r3 = 0', whole, 8],
    [whole, half, 64],
    [half, whole, 64],
    [half, 'r3 = 0', 32],
    [whole, inode, 64],
    [inode, whole, 64],
    [inode, half, 8],
  ] as const)
    refuse(either(one, other, read(bits)), /these bytes of the stack are not initialised/, 'fs_walk');
});

test('the stack has 512 bytes, naturally aligned, and r10 stays', () => {
  accept(`*(u64 *)(r10 - 512) = 1\n${ALLOW}`);
  for (const line of [
    '*(u64 *)(r10 - 520) = 1',
    '*(u64 *)(r10 - 4) = 1',
    '*(u8 *)(r10 + 0) = 1',
    '*(u64 *)(r10 - 513) = 1',
  ])
    refuse(`${line}\n${ALLOW}`, /are not all in it/);
  refuse(`*(u64 *)(r10 - 12) = 1\n${ALLOW}`, /at a multiple of 8/);
  refuse(`r10 = 1\n${ALLOW}`, /r10 points to the stack and cannot be written/);
  refuse(`r10 += 8\n${ALLOW}`, /cannot be written/);
  refuse(`r2 = r10\nr3 = *(u64 *)(r1 + 16)\nr2 += r3\n${ALLOW}`, /only be moved by a constant/, 'fs_walk');
});

test('every way ends in the function, on an instruction, and every instruction has a way', () => {
  refuse('r0 = 0', /its function has no exit behind it/);
  refuse('goto +0', /jumps out|no exit/);
  refuse(`goto +5\n${ALLOW}`, /jumps out of its function/);
  refuse(`goto -2\n${ALLOW}`, /jumps out of its function/);
  refuse(`if r1 != 0 goto +1\nr2 = 1 ll\n${ALLOW}`, /into the middle of a 64-bit immediate/);
  refuse(`${ALLOW}\nr0 = 1\nexit`, /no way leads here/);
  refuse(`call pc+9\n${ALLOW}`, /not the start of an instruction/);
  refuse(`call f\ngoto inside\nf:\nr0 = 0\ninside:\nexit`, /jumps out of its function/);
  refuse('call pc-1\nr0 = 0\nexit', /more than 8 functions/);
});

test('functions return numbers, and do not keep their stack', () => {
  accept('call f\nr0 = 0\nexit\nf:\nexit');
  refuse('call f\nexit\nf:\nexit', /returns r0, which is not initialised/);
  refuse('call f\nr0 = 0\nexit\nf:\nr0 = r10\nexit', /only numbers can be returned/);
  refuse(
    'r1 = r10\nr1 += -8\ncall f\nr0 = 0\nexit\nf:\n*(u64 *)(r1 + 0) = r10\nexit',
    /cannot outlive its call/,
  );
  refuse('call f\nr0 = r1\nexit\nf:\nr1 = 0\nexit', /the source is not initialised/);
});

test('loops are accepted and bounded by the budget; what grows in one loses its bounds', () => {
  accept('r0 = 0\nr1 = 0\nagain:\nr1 += 1\nif r1 < 100000 goto again\nexit');
  accept('again:\ngoto again');
  refuse('r0 = 0\nagain:\nr0 += 1\nif r0 != 1 goto again\nr0 += 1\nexit', /may be 0/);
  // The bound of the loop is the bound of the index.
  const found = `${LOOKUP}if r0 != 0 goto +1\nexit\n`;
  const sum = (less: number) =>
    `${found}r1 = 0\nagain:\nr2 = r0\nr2 += r1\nr3 = *(u8 *)(r2 + 0)\nr1 += 1\nif r1 < ${less} goto again\n${ALLOW}`;
  accept(sum(16));
  refuse(sum(17), /can cover 0 to 16/);
});

test('a program of any size is answered, within a number of steps', () => {
  const lines = ['r0 = 0', ...Array.from({ length: 2000 }, (_, i) => `if r0 == ${i} goto +${i % 7}`)];
  accept([...lines, ...Array.from({ length: 8 }, () => 'r0 = 0'), 'exit'].join('\n'));
  let calls = '';
  for (let depth = 0; depth < 7; depth++)
    calls += `f${depth}:\n${`call f${depth + 1}\n`.repeat(9)}r0 = 0\nexit\n`;
  refuse(`${calls}f7:\nr0 = 0\nexit`, /not understood within 100000 steps/);
});

// Lines that make, move and use every kind of pointer: most programs of them are refused, and those that are not must run.
const LINES = [
  'r6 = r1',
  'r1 = r6',
  'r2 = r10',
  'r2 += -8',
  'r2 += -16',
  'r3 = r2',
  '*(u64 *)(r10 - 8) = 1',
  '*(u64 *)(r10 - 16) = r0',
  '*(u64 *)(r10 - 8) = r6',
  'r6 = *(u64 *)(r10 - 8)',
  'r0 = *(u64 *)(r2 + 0)',
  'r1 = map[array] ll',
  'r1 = map[hash] ll',
  'r1 = map[inodes] ll',
  'r4 = 0',
  'call 1',
  'call 2',
  'call 3',
  'call 1001',
  'r2 = *(u64 *)(r6 + 8)',
  'r7 = *(u64 *)(r6 + 16)',
  'r7 = r0',
  'r8 = r7',
  'if r0 == 0 goto +1',
  'if r0 != 0 goto +2',
  'if r7 < 9 goto +1',
  'if r0 == 0 goto -4',
  'r7 &= 7',
  'r7 += 1',
  'r0 += r7',
  'r0 -= 1',
  'r8 = *(u8 *)(r0 + 0)',
  '*(u64 *)(r0 + 0) = r7',
  'w7 += w7',
  'r7 = *(u32 *)(r10 - 8)',
  'r0 = 1',
  'r0 = 0',
  'r2 = 3',
  'lock *(u64 *)(r0 + 0) += r2',
  'r7 = atomic_fetch_or((u64 *)(r2 + 0), r7)',
  '*(u64 *)(r6 + 0) = r7',
  'r9 = 0',
  'r0 = r9',
  'if r7 s> 3 goto +1',
  'r9 = r7',
  'r7 s>>= 2',
  'r7 -= r8',
  'r5 = r0',
];

test('what is accepted runs without a fault, returns 0 or 1, and cannot see what it did not write [R-002-12]', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.array(fc.nat(LINES.length - 1), { minLength: 2, maxLength: 14 }),
      fc.boolean(),
      (picks, masked) => {
        const start = 'r6 = r1\nr9 = 0\nr0 = 0\nr7 = 5\nr8 = 6\n*(u64 *)(r10 - 8) = 2\n';
        const text = `${start}${picks.map((pick) => LINES[pick]).join('\n')}\n${masked ? 'r0 = r7\nr0 &= 1\n' : 'r0 = 0\n'}exit`;
        let program: ReturnType<typeof accept>;
        try {
          program = accept(text, 'fs_pick');
        } catch (error) {
          if (!(error instanceof ProgramError)) throw error;
          return;
        }
        accepted++;
        const runs = [0xaa, 0x55].map((filler) => {
          const machine = new Machine(MAPS);
          machine.bytes.fill(filler, STACK_ADDRESS, STACK_ADDRESS + 4096);
          machine.maps[2]!.put('i', Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0), 0n);
          writeContext(machine, CONTEXTS.fs_pick, { cookie: 1n, inode: 'i', triggers: 0xffn });
          const outcome =
            filler === 0xaa ? interpret(program, machine, 5000) : compile(program, machine)(5000);
          assert.ok(outcome.end !== 'fault', text);
          if (outcome.end === 'returned') assert.ok(outcome.value <= 1n, text);
          // All but the stack, and with it what a map's value was copied from.
          return {
            outcome,
            maps: Buffer.from(machine.bytes.subarray(STACK_ADDRESS + 4096)),
            context: machine.bytes.slice(4096, 4120),
          };
        });
        assert.deepEqual(runs[0], runs[1], text);
      },
    ),
    { seed: 11, numRuns: 6000 },
  );
  assert.ok(accepted > 150, `${accepted} accepted`);
});

test('instructions of any kind in any order are accepted or refused, never anything else [R-002-10]', () => {
  fc.assert(
    fc.property(anyCode, (code: Code) => {
      try {
        verify('ptrace', [...code, ...assemble(ALLOW)], MAPS);
      } catch (error) {
        assert.ok(error instanceof ProgramError, String(error));
      }
    }),
    { seed: 12, numRuns: 1000 },
  );
});
