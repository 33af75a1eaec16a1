/** The addon's system calls and images: what it takes, what it refuses, what applying leaves behind. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { KernelError } from '../../packages/landward/src/errors.ts';
import { ARCH, applyImage, attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { type Image, ImageBuilder, readSlot } from '../../packages/landward/src/kernel/image.ts';
import { IMAGE, native } from '../../packages/landward/src/kernel/native.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { AT_FDCWD, O } from '../../packages/landward/src/uapi/open.ts';
import { syscallNumber } from '../../packages/landward/src/uapi/syscalls.ts';
import { runScript } from '../kit/child.ts';

const getpid = syscallNumber(ARCH, 'getpid')!;

function aligned(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

test('sys passes numbers, bigints, memory and null, and returns -errno', () => {
  assert.equal(native().sys(getpid), process.pid);
  const text = new TextEncoder().encode('..landward');
  const folder = mkdtempSync(join(tmpdir(), 'landward-sys-'));
  try {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    const fd = call('open', 'openat', AT_FDCWD, new TextEncoder().encode(`${path}\0`), O[ARCH].RDWR, 0);
    // A view into the middle of memory passes the address of its own first byte.
    assert.equal(attempt('write', fd, text.subarray(2), 8n), 8);
    assert.equal(attempt('write', fd, new DataView(text.buffer, 6), 4), 4);
    assert.equal(attempt('close', fd), 0);
    assert.equal(readFileSync(path, 'utf8'), 'landwardward');
    assert.equal(attempt('close', fd), -ERRNO.EBADF);
    assert.equal(attempt('openat', AT_FDCWD, null, 0, 0), -ERRNO.EFAULT);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('sys passes all 64 bits', () => {
  // lseek beyond the largest offset is EINVAL; cut to 32 bits it would work.
  const fd = call('make a memfd', 'memfd_create', new TextEncoder().encode('x\0'), 1);
  assert.equal(attempt('lseek', fd, 2 ** 40 + 5, 0), 2 ** 40 + 5);
  assert.equal(attempt('lseek', fd, (1n << 41n) + 5n, 0), 2 ** 41 + 5);
  assert.equal(attempt('lseek', fd, (1n << 64n) - 1n, 0), -ERRNO.EINVAL);
  assert.equal(attempt('lseek', fd, -1, 0), -ERRNO.EINVAL);
  attempt('close', fd);
});

test('sys refuses what is no argument of a system call', () => {
  const wrong: readonly unknown[] = [
    '1',
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    true,
    {},
    [],
    Symbol('x'),
  ];
  const wrongWide: readonly unknown[] = [1n << 64n, -(1n << 63n) - 1n, () => 0, new ArrayBuffer(8)];
  for (const value of [...wrong, ...wrongWide]) {
    assert.throws(() => native().sys(getpid, value as number), TypeError, String(value));
    assert.throws(() => native().sys(value as number), TypeError, String(value));
  }
});

test('an image runs its steps in order, passes results on and stores them', () => {
  const build = new ImageBuilder(ARCH);
  const ends = build.reserve(8);
  const [read, write] = [build.field(ends, 0), build.field(ends, 4)];
  const text = build.string('through the pipe');
  const buffer = build.reserve(16);
  const count = build.slot();
  build.step('pipe2', [ends, O[ARCH].CLOEXEC], 'make a pipe');
  build.step('write', [write, text, 16], 'write');
  build.step('read', [read, buffer, 100], 'read', { store: count });
  build.step('close', [read], 'close');
  build.step('close', [write], 'close');
  const image = build.build();
  // Applies twice and from another place: addresses are made anew, not added up.
  for (const bytes of [image.bytes, image.bytes, image.bytes.slice()]) {
    assert.deepEqual(native().apply(bytes), { step: -1, errno: 0 });
    const moved: Image = { ...image, bytes };
    assert.equal(readSlot(moved, count), 16);
    const at = image.data + buffer.at;
    assert.equal(new TextDecoder().decode(bytes.subarray(at, at + 16)), 'through the pipe');
  }
});

test('an image stops at the first step that fails, and names it', () => {
  const build = new ImageBuilder(ARCH);
  const [first, second, third] = [build.slot(7), build.slot(7), build.slot(7)];
  build.step('getpid', [], 'first', { store: first });
  build.step('close', [-1], 'second', { store: second });
  build.step('getpid', [], 'third', { store: third });
  const image = build.build();
  assert.deepEqual(native().apply(image.bytes), { step: 1, errno: ERRNO.EBADF });
  assert.deepEqual(
    [first, second, third].map((slot) => readSlot(image, slot)),
    [process.pid, 7, 7],
  );
  assert.throws(
    () => applyImage(image),
    (error) => {
      assert(error instanceof KernelError);
      assert.deepEqual([error.syscall, error.errno, error.step], ['close', ERRNO.EBADF, 'second']);
      assert.equal(error.message, 'second: close failed with EBADF');
      return true;
    },
  );
});

test('a step may fail as announced, and the errno is stored instead', () => {
  for (const okErrno of [ERRNO.EBADF, 'any'] as const) {
    const build = new ImageBuilder(ARCH);
    const slot = build.slot();
    build.step('close', [-1], 'close', { okErrno, store: slot });
    build.step('close', [slot], 'close a slot that holds -EBADF', { okErrno: ERRNO.EBADF });
    const image = build.build();
    applyImage(image);
    assert.equal(readSlot(image, slot), -ERRNO.EBADF);
  }
  const build = new ImageBuilder(ARCH);
  build.step('close', [-1], 'close', { okErrno: ERRNO.ENOENT });
  assert.throws(() => applyImage(build.build()), KernelError);
});

test('pointers in structures are addresses of the image', () => {
  const build = new ImageBuilder(ARCH);
  const parts = ['one ', 'image'].map((text) => ({ place: build.string(text), length: text.length }));
  const vector = build.reserve(32);
  const lengths = new BigUint64Array(parts.map(({ length }) => BigInt(length)));
  const total = build.slot();
  const pipe = build.reserve(8);
  for (const [index, { place }] of parts.entries()) build.point(vector, index * 16, place);
  build.step('pipe2', [pipe, 0], 'pipe');
  build.step('writev', [build.field(pipe, 4), vector, 2], 'writev', { store: total });
  const back = build.reserve(16);
  build.step('read', [build.field(pipe, 0), back, 16], 'read');
  build.step('close', [build.field(pipe, 0)], 'close');
  build.step('close', [build.field(pipe, 4)], 'close');
  const image = build.build();
  const view = new DataView(image.bytes.buffer, image.data + vector.at);
  for (const [index, length] of lengths.entries()) view.setBigUint64(index * 16 + 8, length, true);
  applyImage(image);
  assert.equal(readSlot(image, total), 9);
  const at = image.data + back.at;
  assert.equal(new TextDecoder().decode(image.bytes.subarray(at, at + 9)), 'one image');
});

/** A sound image of one harmless step with all kinds of arguments. */
function harmless(): Image {
  const build = new ImageBuilder(ARCH);
  const slot = build.slot();
  const place = build.string('x');
  build.pointers([place]);
  build.step('getpid', [place, slot, 1], 'getpid', { store: slot });
  return build.build();
}

test('an image that is not sound is refused before its first step', () => {
  const { header, step } = IMAGE;
  const image = harmless();
  native().apply(image.bytes);
  const size = image.bytes.length;
  const stepAt = header.bytes;
  const relocAt = stepAt + step.bytes;
  const broken: readonly [what: string, at: number, value: number][] = [
    ['magic', header.magic, 0],
    ['version', header.version, 2],
    ['size beyond the memory', header.size, size + 8],
    ['size below the header', header.size, 16],
    ['reserved', header.reserved, 1],
    ['steps inside the header', header.steps, 8],
    ['steps beyond the end', header.steps, size],
    ['steps unaligned', header.steps, stepAt + 4],
    ['too many steps', header.stepCount, 2 ** 31],
    ['steps that overflow', header.stepCount, 2 ** 32 - 1],
    ['relocations beyond the end', header.relocs, size + 4],
    ['too many relocations', header.relocCount, 2 ** 30],
    ['relocations that overflow', header.relocCount, 2 ** 32 - 1],
    ['a relocation of the header', relocAt, header.base],
    ['a relocation of a step', relocAt, stepAt + 16],
    ['a relocation beyond the end', relocAt, size - 4],
    ['a relocation unaligned', relocAt, image.data + 4],
    ['an unknown kind', stepAt + step.kinds, 0x3],
    ['a kind of a seventh argument', stepAt + step.kinds, 0x1000000],
    ['an address beyond the end', stepAt + step.args, size + 1],
    ['an address in the header', stepAt + step.args, 0],
    ['an address with high bits', stepAt + step.args + 4, 1],
    ['a slot beyond the end', stepAt + step.args + 8, size - 2],
    ['a slot unaligned', stepAt + step.args + 8, image.data + 1],
    ['a store beyond the end', stepAt + step.store, size + 1],
    ['a store into a step', stepAt + step.store, stepAt + 1],
    ['a store unaligned', stepAt + step.store, image.data + 2],
  ];
  for (const [what, at, value] of broken) {
    const bytes = image.bytes.slice();
    new DataView(bytes.buffer).setUint32(at, value, true);
    assert.throws(() => native().apply(bytes), { name: 'TypeError', message: /not a sound image/ }, what);
    assert.throws(() => native().spawn(bytes), { name: 'TypeError', message: /not a sound image/ }, what);
    assert.throws(() => native().applyThreads(bytes, 1000), { name: 'TypeError' }, what);
  }
  for (const wrong of [aligned(0), aligned(39), 'text', null, {}, image.bytes.buffer]) {
    assert.throws(() => native().apply(wrong as Uint8Array), TypeError);
  }
  const shifted = new Uint8Array(new ArrayBuffer(size + 1), 1);
  shifted.set(image.bytes);
  assert.throws(() => native().apply(shifted), TypeError, 'an image at an odd address');
});

test('an image cut short anywhere is refused', () => {
  const image = harmless();
  for (let length = 0; length < image.bytes.length; length++) {
    assert.throws(() => native().apply(image.bytes.slice(0, length)), TypeError, String(length));
  }
});

test('an image that ends in execve replaces this program', async () => {
  const child = await runScript(`
    import { ARCH, applyImage } from './packages/landward/src/kernel/call.ts';
    import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
    const build = new ImageBuilder(ARCH);
    const shell = build.string('/bin/sh');
    const words = build.strings(['sh', '-c', 'echo "$1 $V $$"; exit 7', 'sh', 'became']);
    build.step('fcntl', [1, 2, 0], 'keep the output, which Node marks close-on-exec');
    build.step('execve', [shell, words, build.strings(['V=value'])], 'become the shell');
    console.log(process.pid);
    applyImage(build.build());`);
  const [pid, line] = child.stdout.trim().split('\n');
  assert.equal(line, `became value ${pid}`);
  assert.equal(child.code, 7);
});

test('an image that fails at execve returns', () => {
  const build = new ImageBuilder(ARCH);
  const path = build.string('/nonexistent/program');
  build.step('execve', [path, build.pointers([path]), build.pointers([])], 'start');
  assert.deepEqual(native().apply(build.build().bytes), { step: 0, errno: ERRNO.ENOENT });
});

test('a text with NUL is refused instead of being cut short', () => {
  assert.throws(() => new ImageBuilder(ARCH).string('/etc\0/shadow'), TypeError);
});
