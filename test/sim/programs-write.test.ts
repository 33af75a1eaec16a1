/** Object files that are written from assembled programs: read back they are the same, and LLVM's tools read them too. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  assemble,
  type MapDefinition,
  ProgramError,
  readObject,
  writeObject,
} from '../../packages/landward/src/programs/index.ts';
import { program } from '../kit/ebpf-programs.ts';
import { needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const MAPS: readonly MapDefinition[] = [
  { name: 'seen', kind: 'hash', keyBytes: 4, valueBytes: 8, entries: 3 },
  { name: 'known', kind: 'inode', keyBytes: 4, valueBytes: 8, entries: 9 },
];

test('what is written is read back: programs, functions, maps, licence', () => {
  const walk = assemble('r1 = map[known] ll\nr2 = map[seen] ll\ncall f\nr0 = 0\nexit\nf:\nr0 = 1\nexit', [
    'seen',
    'known',
  ]);
  const guard = assemble('r0 = 1\nexit');
  const programs = [
    { name: 'walk', hook: 'fs_walk', code: walk },
    { name: 'guard', hook: 'ptrace', code: guard },
  ] as const;
  const content = { licence: 'MIT', maps: MAPS, programs };
  assert.deepEqual(readObject(writeObject(content)), content);
  assert.deepEqual(writeObject(content), writeObject(content));
});

test('random programs survive the way through a file', () => {
  fc.assert(
    fc.property(program, (code) => {
      const [map] = MAPS;
      const file = writeObject({ maps: [map!], programs: [{ name: 'any', hook: 'fs_pick', code }] });
      assert.deepEqual(readObject(file).programs, [{ name: 'any', hook: 'fs_pick', code }]);
    }),
    { seed: 31, numRuns: 200 },
  );
});

test('what cannot be written is refused', () => {
  const code = assemble('r0 = 0\nexit');
  const refused = (content: Parameters<typeof writeObject>[0], reason: RegExp) =>
    assert.throws(
      () => writeObject(content),
      (error: unknown) => error instanceof ProgramError && reason.test(error.message),
    );
  refused({ programs: [] }, /needs a program/);
  refused({ programs: [{ name: 'a\0b', hook: 'ptrace', code }] }, /must be ASCII/);
  refused({ programs: [{ name: 'é', hook: 'ptrace', code }] }, /must be ASCII/);
  refused(
    {
      programs: [{ name: 'a', hook: 'ptrace', code: assemble('r1 = map[0] ll\nr0 = 0\nexit') }],
    },
    /there is no map 0/,
  );
});

test("LLVM's tools read the file as it was assembled", needs({ tools: ['llvm-objdump'] }), (t) => {
  const file = join(temporaryDirectory(t, 'object'), 'a.o');
  const code = assemble('r1 = map[seen] ll\nr0 = 1\nexit', ['seen']);
  writeFileSync(file, writeObject({ maps: MAPS, programs: [{ name: 'deny', hook: 'ptrace', code }] }));
  const { stdout, status } = spawnSync('llvm-objdump', ['-d', '-r', file], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /Disassembly of section landlock\/ptrace\/deny:/);
  assert.match(stdout, /<deny>:[\s\S]*r1 = 0 ll\n.*R_BPF_64_64\s+seen\n[\s\S]*r0 = 1\n[\s\S]*exit/);
});
