/** The executables that carry a payload: every header of the result, for both architectures, and what is refused. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { attachPayload } from '../../packages/landward/src/kernel/elf.ts';
import { ImageBuilder } from '../../packages/landward/src/kernel/image.ts';
import {
  LAUNCH,
  type Launch,
  payloadOf,
  writeLaunchFile,
} from '../../packages/landward/src/kernel/launch-file.ts';
import { root } from '../kit/needs.ts';

const ARCHITECTURES = [
  { arch: 'x86_64', folder: 'linux-x64', machine: 62 },
  { arch: 'aarch64', folder: 'linux-arm64', machine: 183 },
] as const;

function launcher(folder: string): Uint8Array {
  return readFileSync(join(root, 'packages/landward/prebuilds', folder, 'launcher'));
}

interface Header {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

function headers(file: Uint8Array): readonly Header[] {
  const view = new DataView(file.buffer, file.byteOffset);
  const first = Number(view.getBigUint64(32, true));
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = first + 56 * index;
    const wide = (offset: number) => Number(view.getBigUint64(at + offset, true));
    return {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: wide(8),
      address: view.getBigUint64(at + 16, true),
      fileSize: wide(32),
      memorySize: wide(40),
      align: wide(48),
    };
  });
}

function example(arch: 'x86_64' | 'aarch64'): Launch {
  const build = new ImageBuilder(arch);
  build.step('prctl', [38, 1, 0, 0, 0], 'set no_new_privs');
  build.step('close_range', [3, 0xffff_ffff, 0], 'close descriptors');
  return {
    image: build.build(),
    program: '/bin/true',
    args: ['true', 'ünï'],
    env: { pass: ['PATH', 'LC_*'], scrub: ['*TOKEN*'], set: { A: 'b=c', E: '' } },
  };
}

for (const { arch, folder, machine } of ARCHITECTURES) {
  test(`${arch}: the payload is mapped readable and writable at its address, and nothing else changes`, () => {
    const before = launcher(folder);
    const payload = new Uint8Array(5000).map((_, index) => index % 251);
    const after = attachPayload(before, payload, LAUNCH.address);
    assert.equal(new DataView(after.buffer).getUint16(18, true), machine);
    const old = headers(before);
    const now = headers(after);
    const index = old.findIndex(({ type }) => type === 4);
    const added = now[index]!;
    assert.deepEqual([added.type, added.flags, added.address], [1, 6, LAUNCH.address]);
    assert.deepEqual([added.fileSize, added.memorySize], [5000, 5000]);
    assert.equal(added.offset % added.align, Number(added.address % BigInt(added.align)));
    assert.deepEqual(after.subarray(added.offset), payload);
    assert.deepEqual(now.toSpliced(index, 1), old.toSpliced(index, 1));
    const loads = now.filter(({ type }) => type === 1);
    assert.deepEqual(
      loads,
      loads.toSorted((left, right) => Number(left.address - right.address)),
      'the kernel wants mappings in order',
    );
    assert(
      loads.every(({ flags }) => (flags & 3) !== 3),
      'nothing is writable and executable',
    );
    assert.deepEqual(before, launcher(folder), 'the input is not changed');
  });

  test(`${arch}: what is carried can be read back`, () => {
    const launch = example(arch);
    const payload = payloadOf(launch);
    const view = new DataView(payload.buffer);
    const word = (at: number) => view.getUint32(at, true);
    const { header, texts } = LAUNCH;
    const list = (at: number) => {
      const all = new TextDecoder().decode(payload.subarray(word(at + 4))).split('\0');
      return all.slice(0, word(at));
    };
    assert.deepEqual(
      [word(header.magic), word(header.version), word(header.size)],
      [LAUNCH.magic, LAUNCH.version, payload.length],
    );
    assert.equal(word(header.image) % 8, 0);
    assert.deepEqual(payload.subarray(word(header.image), word(header.program)), launch.image.bytes);
    assert.equal(word(header.passAll), 0);
    assert.match(new TextDecoder().decode(payload.subarray(word(header.program))), /^\/bin\/true\0/);
    assert.deepEqual(list(texts.args), ['true', 'ünï']);
    assert.deepEqual(list(texts.pass), ['PATH', 'LC_*']);
    assert.deepEqual(list(texts.scrub), ['*TOKEN*']);
    assert.deepEqual(list(texts.set), ['A=b=c', 'E=']);
    assert.deepEqual(list(texts.steps), ['set no_new_privs: prctl', 'close descriptors: close_range']);
    assert(writeLaunchFile(launch).length > payload.length);
  });
}

test('the same launch gives the same bytes', () => {
  assert.deepEqual(writeLaunchFile(example('x86_64')), writeLaunchFile(example('x86_64')));
});

test('texts that would be cut short, and names that no variable has, are refused', () => {
  const good = example('x86_64');
  const bad: readonly Partial<Launch>[] = [
    { program: '/bin/\0true' },
    { args: ['a\0b'] },
    { env: { ...good.env, pass: ['A\0'] } },
    { env: { ...good.env, set: { 'A=B': 'c' } } },
    { env: { ...good.env, set: { '': 'c' } } },
    { env: { ...good.env, set: { A: 'b\0LD_PRELOAD=c' } } },
  ];
  for (const part of bad)
    assert.throws(() => payloadOf({ ...good, ...part }), TypeError, JSON.stringify(part));
});

test('any other file than the launcher is refused', () => {
  const good = launcher('linux-x64');
  const changed = (at: number, value: number) => {
    const file = Uint8Array.from(good);
    file[at] = value;
    return file;
  };
  const first = Number(new DataView(good.buffer, good.byteOffset).getBigUint64(32, true));
  const note = headers(good).findIndex(({ type }) => type === 4);
  const bad = {
    'an empty file': new Uint8Array(0),
    'no ELF': changed(0, 0),
    'a 32-bit file': changed(4, 1),
    'big-endian': changed(5, 2),
    'a shared object': changed(16, 3),
    'without a note': changed(first + 56 * note, 0),
    'with two notes': changed(first, 4),
  };
  for (const [what, file] of Object.entries(bad))
    assert.throws(() => attachPayload(file, new Uint8Array(8), LAUNCH.address), /bug in landward/, what);
  for (const address of [0x40_0000n, LAUNCH.address + 8n])
    assert.throws(() => attachPayload(good, new Uint8Array(8), address), /no room/);
});
