/** The generated tables against the kernel headers of this machine, which may be older than the tables. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AUDIT_ARCH } from '../../packages/landward/src/uapi/audit-arch.ts';
import { SYSCALLS } from '../../packages/landward/src/uapi/syscalls.ts';

const [arch, header] =
  process.arch === 'arm64'
    ? (['aarch64', '/usr/include/asm-generic/unistd.h'] as const)
    : (['x86_64', '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'] as const);

test(
  'the tables agree with the headers of this machine',
  existsSync(header) ? {} : { skip: `needs ${header}` },
  () => {
    const rows = [...readFileSync(header, 'utf8').matchAll(/^#define __NR_(\w+)\s+(\d+)$/gm)];
    assert.ok(rows.length > 250);
    const table: Readonly<Record<string, number>> = SYSCALLS[arch];
    // Macros of the generic header that are no calls.
    const older = new Set(['arch_specific_syscall', 'syscalls']);
    for (const [, name, number] of rows) {
      if (!older.has(name!)) assert.equal(table[name!], Number(number), name!);
    }
  },
);

test('the tokens of architectures agree with the headers of this machine', () => {
  const machine = { x86_64: 62, i386: 3, aarch64: 183, arm: 40 } as const;
  for (const [name, number] of Object.entries(machine)) {
    const wide = name === 'x86_64' || name === 'aarch64';
    assert.equal(
      AUDIT_ARCH[name as keyof typeof AUDIT_ARCH],
      (number | 0x40000000 | (wide ? 0x80000000 : 0)) >>> 0,
    );
  }
});
