/** The verifier at every hook: what each shows, who may read and write how much of it, and which helpers there are. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hook } from '../../packages/landward/src/model/programs/index.ts';
import {
  assemble,
  type MapDefinition,
  ProgramError,
  readObject,
  verify,
  writeObject,
} from '../../packages/landward/src/programs/index.ts';

type Kind = 'number' | 'written' | 'task' | 'inode';

/** What is promised, written down apart from the code's own table. Every field has eight bytes. */
const PROMISED: Readonly<Record<Hook, { fields: readonly Kind[]; helpers: readonly number[] }>> = {
  ptrace: { fields: ['task', 'task'], helpers: [1, 2, 3, 1000] },
  fs_walk: { fields: ['written', 'inode', 'number'], helpers: [1, 2, 3, 1001] },
  fs_pick: { fields: ['written', 'inode', 'number'], helpers: [1, 2, 3, 1001] },
  fs_get: { fields: ['number', 'inode', 'written'], helpers: [1, 2, 3, 1001] },
  net: { fields: ['number', 'number', 'number', 'number', 'number', 'number'], helpers: [1, 2, 3] },
  signal: { fields: ['number', 'task', 'task'], helpers: [1, 2, 3, 1002] },
};
const HOOKS = Object.keys(PROMISED) as Hook[];
const MAPS: readonly MapDefinition[] = [
  { name: 'array', kind: 'array', keyBytes: 4, valueBytes: 8, entries: 4 },
  { name: 'inodes', kind: 'inode', keyBytes: 4, valueBytes: 8, entries: 4 },
];
const ALLOW = 'r0 = 0\nexit';

/** Why a program is refused, or nothing. */
function refusal(hook: Hook, text: string): string | undefined {
  try {
    verify(hook, assemble(text, ['array', 'inodes']), MAPS);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ProgramError, String(error));
    return error.message;
  }
}

test('at each hook each offset, size and direction is allowed or refused as promised [R-002-16]', () => {
  const tried = { allowed: 0, refused: 0 };
  for (const hook of HOOKS) {
    const { fields } = PROMISED[hook];
    for (let offset = -8; offset <= fields.length * 8 + 8; offset++)
      for (const bits of [8, 16, 32, 64]) {
        const at = `*(u${bits} *)(r1 ${offset < 0 ? '-' : '+'} ${Math.abs(offset)})`;
        const field = offset < 0 ? undefined : fields[offset >> 3];
        const bytes = bits / 8;
        const whole = bytes === 8 && offset % 8 === 0;
        const within = field !== undefined && offset % bytes === 0;
        const isNumber = field === 'number' || field === 'written';
        for (const [line, expected] of [
          [`r0 = ${at}`, within && (isNumber || whole)],
          [`${at} = 0`, within && field === 'written' && whole],
        ] as const) {
          const reason = refusal(hook, `${line}\n${ALLOW}`);
          assert.equal(reason === undefined, expected, `${hook}: ${line}: ${reason}`);
          // The place and the instruction as it was written, then the reason.
          if (reason !== undefined) {
            assert.ok(reason.startsWith(`instruction 0 (${line.replace(' - 0)', ' + 0)')}): `), reason);
            assert.match(reason, /no field of|can only be read whole|cannot be written this way/);
          }
          tried[expected ? 'allowed' : 'refused']++;
        }
      }
  }
  assert.ok(tried.allowed > 150 && tried.refused > 1000, JSON.stringify(tried));
});

/** A program that uses all that its hook has. */
function usingAll(hook: Hook): string {
  const lines = ['r6 = r1'];
  for (const [index, kind] of PROMISED[hook].fields.entries()) {
    lines.push(`r7 = *(u64 *)(r6 + ${index * 8})`);
    if (kind === 'written') lines.push(`*(u64 *)(r6 + ${index * 8}) = r7`);
  }
  const objects = PROMISED[hook].fields.flatMap((kind, i) =>
    kind === 'task' || kind === 'inode' ? [i] : [],
  );
  const load = (register: number, index: number) => `r${register} = *(u64 *)(r6 + ${index * 8})`;
  if (objects.length === 2) lines.push(load(1, objects[0]!), load(2, objects[1]!));
  if (objects.length === 1) lines.push('r1 = map[inodes] ll', load(2, objects[0]!));
  const own = PROMISED[hook].helpers.find((helper) => helper >= 1000);
  if (own !== undefined) lines.push(`call ${own}`);
  return [...lines, ALLOW].join('\n');
}

test('a program is loaded at the hook it is written for: of 36 pairs the others are refused [R-002-15, R-002-22]', () => {
  // Walk and pick show the same, by design: the third field differs in meaning only.
  const alike: readonly string[] = ['fs_walk fs_pick', 'fs_pick fs_walk'];
  for (const written of HOOKS)
    for (const loaded of HOOKS) {
      const reason = refusal(loaded, usingAll(written));
      const expected = written === loaded || alike.includes(`${written} ${loaded}`);
      assert.equal(reason === undefined, expected, `${written} at ${loaded}: ${reason}`);
      if (reason !== undefined) assert.match(reason, /^instruction \d+ \(.+\): .+/);
    }
});

test('an object file says by its sections which hooks its programs are for, and no other exists [R-002-15]', () => {
  const code = assemble(ALLOW);
  for (const hook of HOOKS)
    assert.equal(readObject(writeObject({ programs: [{ name: 'a', hook, code }] })).programs[0]!.hook, hook);
  for (const hook of ['', 'socket', 'ptrace2', 'PTRACE', 'toString', '__proto__', 'constructor'])
    assert.throws(
      () => readObject(writeObject({ programs: [{ name: 'a', hook: hook as Hook, code }] })),
      (error: unknown) => error instanceof ProgramError && /there is no hook/.test(error.message),
      hook,
    );
});

test('what is returned is proven to be 0 or 1 at each hook, however it came about [R-002-18]', () => {
  const proven: Readonly<Record<string, boolean>> = {
    'r0 = 0': true,
    'r0 = 1': true,
    'r0 = 2': false,
    'r0 = -1': false,
    'r0 = 0x100000000 ll': false,
    'r0 = 0x100000001 ll\nw0 = w0': true,
    'r0 = 1\nr0 <<= 1': false,
    'r0 = 2\nr0 >>= 1': true,
    'r0 = 3\nr0 &= 1': true,
    'r0 = 1\nr0 = -r0': false,
  };
  for (const hook of HOOKS) {
    for (const [text, expected] of Object.entries(proven)) {
      const reason = refusal(hook, `${text}\nexit`);
      assert.equal(reason === undefined, expected, `${hook}: ${text}: ${reason}`);
      if (reason !== undefined)
        assert.match(reason, /\(exit\): the program returns the number \d+: it may be 0/);
    }
    // A number that nobody knows: from a map.
    const unknown =
      '*(u32 *)(r10 - 4) = 0\nr1 = map[array] ll\nr2 = r10\nr2 += -4\ncall 1\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 + 0)\n';
    assert.match(refusal(hook, `${unknown}exit`)!, /returns a number from 0 to 18446744073709551615/);
    for (const mask of ['r0 &= 1', 'w0 &= 1', 'r0 >>= 63', 'r0 %= 2', 'if r0 < 2 goto +1\nr0 = 1'])
      assert.equal(refusal(hook, `${unknown}${mask}\nexit`), undefined, mask);
    for (const mask of ['r0 &= 2', 'r0 |= 1', 'r0 >>= 62', 'r0 %= 3', 'if r0 <= 2 goto +1\nr0 = 1'])
      assert.match(refusal(hook, `${unknown}${mask}\nexit`)!, /it may be 0 \(allow\) or 1 \(deny\)/, mask);
  }
});

test('nothing is computed with an object of any hook, and it leaves by no way [R-002-17]', () => {
  let objects = 0;
  for (const hook of HOOKS)
    for (const [index, kind] of PROMISED[hook].fields.entries()) {
      if (kind !== 'task' && kind !== 'inode') continue;
      objects++;
      const load = `r6 = *(u64 *)(r1 + ${index * 8})\n`;
      const refused = (line: string, reason: RegExp) =>
        assert.match(refusal(hook, `${load}${line}\n${ALLOW}`) ?? 'accepted', reason, `${hook}: ${line}`);
      for (const sign of ['+=', '-=', '*=', '/=', '%=', '|=', '&=', '^=', '<<=', '>>=', 's>>=', 's/=', 's%='])
        refused(`r6 ${sign} 1`, new RegExp(`^instruction 1 .*: no arithmetic on an? ${kind}$`));
      for (const line of ['r6 = -r6', 'w6 = w6', 'r7 = (s8)r6', 'r6 = be64 r6', 'w6 += 1'])
        refused(line, /no arithmetic/);
      for (const bits of [8, 16, 32, 64]) {
        refused(`r0 = *(u${bits} *)(r6 + 0)`, /and no memory/);
        refused(`*(u${bits} *)(r6 + 0) = 1`, /and no memory/);
      }
      refused('r7 = 1\nlock *(u64 *)(r6 + 0) += r7', /and no memory/);
      refused('if r6 > 5 goto +0', /can only be compared with 0/);
      refused('r7 = 0\nif r7 < r6 goto +0', /can only be compared with 0/);
      refused('if w6 == 0 goto +0', /can only be compared with 0/);
      assert.match(
        refusal(hook, `${load}r0 = r6\nexit`)!,
        /^instruction 2 \(exit\): .* returns r0, which is/,
      );
      const value =
        '*(u32 *)(r10 - 4) = 0\nr1 = map[array] ll\nr2 = r10\nr2 += -4\ncall 1\nif r0 == 0 goto +1\n';
      refused(`${value}*(u64 *)(r0 + 0) = r6`, /can only be stored on the stack/);
      assert.equal(
        refusal(hook, `${load}*(u64 *)(r10 - 8) = r6\nr7 = *(u64 *)(r10 - 8)\n${ALLOW}`),
        undefined,
      );
      // Into the context, from where a chain would carry it on.
      const written = PROMISED[hook].fields.indexOf('written');
      if (written >= 0)
        assert.match(
          refusal(hook, `r7 = r1\n${load}*(u64 *)(r7 + ${written * 8}) = r6\n${ALLOW}`)!,
          /can only be stored on the stack/,
        );
    }
  assert.equal(objects, 7);
});

test('each hook has its helpers and no other number is one [R-002-19, R-002-21]', () => {
  for (const hook of HOOKS)
    for (let number = 0; number <= 1100; number++) {
      const has = PROMISED[hook].helpers.includes(number);
      const reason = refusal(hook, `call ${number}\n${ALLOW}`)!;
      // One that is there objects to its arguments, which are none.
      assert.match(
        reason,
        has
          ? /^instruction 0 \(call \d+\): \w+: r1 must be/
          : /^instruction 0 \(call \d+\): (there is no helper \d+|this hook has no helper \w+)$/,
        `${hook} ${number}`,
      );
    }
});
