import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYSCALL_CLASSES, syscallClass } from '../../packages/landward/src/uapi/classes.ts';
import {
  isSyscallName,
  SYSCALLS,
  syscallName,
  syscallNumber,
} from '../../packages/landward/src/uapi/syscalls.ts';

const arches = ['x86_64', 'aarch64'] as const;

test('every system call of both architectures has exactly one class', () => {
  const classified = Object.values(SYSCALL_CLASSES).flat() as string[];
  assert.equal(new Set(classified).size, classified.length, 'a call has two classes');
  const known = new Set(arches.flatMap((arch) => Object.keys(SYSCALLS[arch])));
  assert.deepEqual(
    [...known].filter((name) => !classified.includes(name)),
    [],
    'calls without a class',
  );
  assert.deepEqual(
    classified.filter((name) => !known.has(name)),
    [],
    'classified but unknown',
  );
  for (const name of known) assert.ok(isSyscallName(name) && syscallClass(name) in SYSCALL_CLASSES);
});

test('names and numbers map to each other', () => {
  for (const arch of arches) {
    const rows = Object.entries(SYSCALLS[arch]);
    assert.equal(new Set(rows.map(([, number]) => number)).size, rows.length, `${arch} has a number twice`);
    for (const [name, number] of rows) {
      assert.equal(syscallName(arch, number), name);
      assert.ok(isSyscallName(name));
      assert.equal(syscallNumber(arch, name), number);
    }
  }
  assert.equal(syscallNumber('x86_64', 'openat'), 257);
  assert.equal(syscallNumber('aarch64', 'openat'), 56);
  assert.equal(syscallNumber('aarch64', 'open'), undefined);
  assert.equal(isSyscallName('toString'), false);
});

test('calls of the generic table have one number on both architectures', () => {
  for (const [name, number] of Object.entries(SYSCALLS.aarch64)) {
    if (number >= 424) assert.equal(SYSCALLS.x86_64[name as keyof (typeof SYSCALLS)['x86_64']], number, name);
  }
});
