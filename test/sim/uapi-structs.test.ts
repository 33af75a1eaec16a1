import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Fields, Layout } from '../../packages/landward/src/uapi/layout.ts';
import { decodeSockaddr, encodeSockaddr } from '../../packages/landward/src/uapi/sockaddr.ts';
import * as structs from '../../packages/landward/src/uapi/structs.ts';

const layouts = Object.values(structs) as readonly Layout<Fields>[];
const bits = { u8: 8, u16: 16, u16be: 16, u32: 32, u32be: 32, s32: 32, u64: 64, s64: 64 } as const;

test('every field lies inside of its struct and overlaps no other', () => {
  assert.ok(layouts.length >= 15);
  for (const { name, size, fields } of layouts) {
    const taken = new Set<number>();
    for (const [field, [offset, kind]] of Object.entries(fields)) {
      for (let byte = offset; byte < offset + bits[kind] / 8; byte++) {
        assert.ok(byte < size && !taken.has(byte), `${name}.${field}`);
        taken.add(byte);
      }
    }
  }
});

test('a field is written at its offset, alone, and read back', () => {
  for (const struct of layouts) {
    for (const [field, [offset, kind]] of Object.entries(struct.fields)) {
      const value = 0x1122334455667788n & ((1n << BigInt(bits[kind])) - 1n);
      const bytes = struct.encode({ [field]: value });
      const expected = new Uint8Array(struct.size);
      const order = Array.from({ length: bits[kind] / 8 }, (_, i) =>
        Number((value >> BigInt(8 * i)) & 0xffn),
      );
      expected.set(kind.endsWith('be') ? order.reverse() : order, offset);
      assert.deepEqual(bytes, expected, `${struct.name}.${field}`);
      assert.equal(BigInt(struct.decode(bytes)[field]!), value, `${struct.name}.${field}`);
    }
  }
});

test('negative numbers keep their sign and what does not fit is refused', () => {
  const attr = structs.LANDLOCK_PATH_BENEATH_ATTR;
  assert.equal(attr.decode(attr.encode({ parent_fd: -1 })).parent_fd, -1);
  assert.equal(structs.SECCOMP_DATA.decode(structs.SECCOMP_DATA.encode({ nr: -1 })).nr, -1);
  assert.throws(() => attr.encode({ parent_fd: 2 ** 31 }), /doesn't hold/);
  assert.throws(() => attr.encode({ allowed_access: -1 }), /doesn't hold/);
  assert.throws(() => attr.encode({ allowed_access: 1.5 }), /not an integer/);
  assert.throws(() => attr.decode(new Uint8Array(11)), /needs 12 bytes/);
  assert.throws(() => attr.encode({ fd: 1 } as never), /no field fd/);
});

test('a struct inside of a larger buffer is read at its place', () => {
  const memory = new Uint8Array(100);
  memory.set(structs.RLIMIT64.encode({ rlim_cur: 7, rlim_max: 2n ** 64n - 1n }), 33);
  assert.deepEqual(structs.RLIMIT64.decode(memory.subarray(33)), { rlim_cur: 7n, rlim_max: 2n ** 64n - 1n });
});

const gcc = spawnSync('gcc', ['--version']).status === 0;

test('offsets and sizes agree with the C compiler', { skip: gcc ? false : 'needs gcc' }, () => {
  // Fields of C that have another name or a nested place; structs that need another tag.
  const places: Readonly<Record<string, string>> = {
    ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((i) => [`seccomp_data.arg${i}`, `args[${i}]`])),
    ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((i) => [`seccomp_notif.arg${i}`, `data.args[${i}]`])),
    'seccomp_notif.nr': 'data.nr',
    'seccomp_notif.arch': 'data.arch',
    'seccomp_notif.instruction_pointer': 'data.instruction_pointer',
  };
  // The fields that older headers on the building machine lack; their offsets follow from the order in the kernel.
  const newer = /^landlock_(ruleset_attr|net_port_attr)/;
  const checks = layouts
    .filter((struct) => !newer.test(struct.name))
    .flatMap((struct) => [
      `_Static_assert(sizeof(struct ${struct.name}) == ${struct.size}, "${struct.name}");`,
      ...Object.entries(struct.fields).map(([field, [offset]]) => {
        const place = places[`${struct.name}.${field}`] ?? field;
        return `_Static_assert(__builtin_offsetof(struct ${struct.name}, ${place}) == ${offset}, "${struct.name}.${field}");`;
      }),
    ]);
  const headers = [
    'linux/landlock.h',
    'linux/filter.h',
    'linux/seccomp.h',
    'linux/openat2.h',
    'linux/sched.h',
  ];
  const source = [
    '#define _GNU_SOURCE',
    '#include <fcntl.h>',
    '#include <sys/socket.h>',
    '#include <sys/uio.h>',
    ...headers.map((header) => `#include <${header}>`),
    'struct rlimit64 { __u64 rlim_cur, rlim_max; };',
    ...checks,
  ].join('\n');
  const directory = mkdtempSync(join(tmpdir(), 'landward-structs-'));
  try {
    writeFileSync(join(directory, 'check.c'), source);
    const compiled = spawnSync('gcc', ['-fsyntax-only', join(directory, 'check.c')], { encoding: 'utf8' });
    assert.equal(compiled.status, 0, compiled.stderr);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('socket addresses have the bytes that the kernel reads', () => {
  const inet = encodeSockaddr({ family: 'inet', address: Uint8Array.of(127, 0, 0, 1), port: 443 });
  assert.deepEqual([...inet], [2, 0, 0x01, 0xbb, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const inet6 = encodeSockaddr({
    family: 'inet6',
    address: new Uint8Array(16).fill(7),
    port: 1,
    flowinfo: 2,
    scope: 3,
  });
  assert.deepEqual([...inet6], [10, 0, 0, 1, 0, 0, 0, 2, ...new Array(16).fill(7), 3, 0, 0, 0]);
  const text = new TextEncoder();
  assert.deepEqual([...encodeSockaddr({ family: 'unix', path: text.encode('/a') })], [1, 0, 47, 97, 0]);
  assert.deepEqual([...encodeSockaddr({ family: 'unix', abstract: text.encode('a') })], [1, 0, 0, 97]);
  assert.deepEqual([...encodeSockaddr({ family: 'unix', unnamed: true })], [1, 0]);
  assert.throws(
    () => encodeSockaddr({ family: 'unix', path: new Uint8Array(109).fill(97) }),
    /more than 108/,
  );
  assert.equal(encodeSockaddr({ family: 'unix', path: new Uint8Array(108).fill(97) }).length, 110);
});

test('what is encoded is decoded, and addresses of a wrong length are refused', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const port = fc.nat(65535);
  const name = fc.uint8Array({ minLength: 1, maxLength: 107, min: 1 });
  const address = fc.oneof(
    fc.record({ family: fc.constant('inet' as const), address: bytes(4), port }, { noNullPrototype: true }),
    fc.record(
      {
        family: fc.constant('inet6' as const),
        address: bytes(16),
        port,
        flowinfo: fc.nat(),
        scope: fc.nat(),
      },
      { noNullPrototype: true },
    ),
    fc.record({ family: fc.constant('unix' as const), path: name }, { noNullPrototype: true }),
    fc.record({ family: fc.constant('unix' as const), abstract: name }, { noNullPrototype: true }),
    fc.constant({ family: 'unspec' as const }),
  );
  fc.assert(
    fc.property(address, (value) => assert.deepEqual(decodeSockaddr(encodeSockaddr(value)), value)),
    { seed: 1, numRuns: 300 },
  );
  assert.equal(decodeSockaddr(Uint8Array.of(2)), null);
  assert.equal(decodeSockaddr(Uint8Array.of(2, 0, 0, 1)), null);
  assert.equal(decodeSockaddr(new Uint8Array(23).fill(10, 0, 1)), null);
  assert.equal(decodeSockaddr(new Uint8Array(111).fill(1, 0, 1)), null);
  assert.deepEqual(decodeSockaddr(Uint8Array.of(16, 0, 5)), {
    family: 'other',
    number: 16,
    data: Uint8Array.of(5),
  });
});
