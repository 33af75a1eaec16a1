/** Object files: what clang wrote is linked and verified; whatever is malformed is refused in words, never otherwise. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  disassemble,
  loadObject,
  ProgramError,
  readObject,
} from '../../packages/landward/src/programs/index.ts';
import { root } from '../kit/needs.ts';

const folder = join(root, 'test/fixtures/programs');
const fixture = (name: string) => new Uint8Array(readFileSync(join(folder, `${name}.bpf.o`)));
const quota = fixture('quota');

test('programs, maps and licence of a file that clang wrote', () => {
  const object = readObject(quota);
  assert.equal(object.licence, 'MIT');
  assert.deepEqual(object.maps, [
    { name: 'quota', kind: 'inode', keyBytes: 4, valueBytes: 8, entries: 16 },
    { name: 'written', kind: 'array', keyBytes: 4, valueBytes: 8, entries: 4 },
  ]);
  assert.deepEqual(
    object.programs.map(({ name, hook }) => `${hook} ${name}`),
    ['fs_pick limit_writes', 'fs_walk one_deep'],
  );
  const text = disassemble(object.programs[0]!.code);
  // The maps by their places, the function from .text behind the program.
  assert.match(
    text,
    /r1 = map\[0\] ll[\s\S]*r1 = map\[1\] ll[\s\S]*22: call pc\+8[\s\S]*30: exit\n31: r2 = 0/,
  );
  assert.equal(readObject(fixture('guard')).licence, undefined);
});

const compilers = ['clang', 'clang-14', 'clang-19'];
const clang = compilers.find((name) => spawnSync(name, ['--version']).status === 0);
const skip = clang === undefined ? { skip: `needs one of ${compilers.join(', ')}` } : {};

test(
  'the sources compile, at every level of optimisation that has no calls by register, and are accepted',
  skip,
  () => {
    const out = mkdtempSync(join(tmpdir(), 'landward-programs-'));
    try {
      for (const name of ['guard', 'quota'])
        for (const level of ['-O1', '-O2', '-Os', '-O3', '-mcpu=v3']) {
          const file = join(out, `${name}${level}.o`);
          const flags = level.startsWith('-O') ? [level] : ['-O2', level];
          const run = spawnSync(
            clang!,
            [...flags, '-g', '-target', 'bpf', '-c', join(folder, `${name}.c`), '-o', file],
            {
              encoding: 'utf8',
            },
          );
          assert.equal(run.status, 0, run.stderr);
          const object = readObject(new Uint8Array(readFileSync(file)));
          assert.deepEqual(
            object.programs.map((one) => one.name),
            readObject(fixture(name)).programs.map((one) => one.name),
          );
          loadObject(object);
        }
    } finally {
      rmSync(out, { recursive: true });
    }
  },
);

/** A copy with some bytes changed. */
function changed(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = quota.slice();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}
/** Where a section's header and content lie. */
function section(view: DataView, name: string): { readonly header: number; readonly content: number } {
  const table = Number(view.getBigUint64(40, true));
  const names = Number(view.getBigUint64(table + view.getUint16(62, true) * 64 + 24, true));
  for (let index = 0; index < view.getUint16(60, true); index++) {
    const header = table + index * 64;
    const at = names + view.getUint32(header, true);
    const text = Buffer.from(view.buffer, at, name.length + 1).toString('latin1');
    if (text === `${name}\0`) return { header, content: Number(view.getBigUint64(header + 24, true)) };
  }
  throw new Error(`no section ${name}`);
}
/** Where the symbol of a name lies. */
function symbol(view: DataView, index: number): number {
  return section(view, '.symtab').content + index * 24;
}

test('each malformed part has its own message', () => {
  const cases: readonly (readonly [RegExp, (view: DataView, bytes: Uint8Array) => void])[] = [
    [/not an ELF file/, (view) => view.setUint8(0, 0)],
    [/not a 64-bit little-endian/, (view) => view.setUint8(4, 1)],
    [/not a 64-bit little-endian/, (view) => view.setUint8(5, 2)],
    [/not a relocatable file/, (view) => view.setUint16(16, 2, true)],
    [/made for machine 62, not for BPF/, (view) => view.setUint16(18, 62, true)],
    [/section headers have an unknown size/, (view) => view.setUint16(58, 40, true)],
    [/table of sections lies outside/, (view) => view.setUint16(60, 60000, true)],
    [/no table of section names/, (view) => view.setUint16(62, 999, true)],
    [/offset or size of/, (view) => view.setBigUint64(40, 1n << 63n, true)],
    [
      /a section lies outside of the file/,
      (view) => view.setBigUint64(section(view, 'maps').header + 24, 100000n, true),
    ],
    [/has no end/, (view) => view.setUint32(section(view, 'maps').header, 1 << 20, true)],
    [/no table of symbol names/, (view) => view.setUint32(section(view, '.symtab').header + 40, 999, true)],
    [
      /table of symbols is not whole/,
      (view) => view.setBigUint64(section(view, '.symtab').header + 32, 313n, true),
    ],
    [
      /a relocation names symbol 999 of 13/,
      (view) => view.setUint32(section(view, '.rellandlock/fs_pick').content + 12, 999, true),
    ],
    [
      /relocation of \S+ is at no instruction/,
      (view) => view.setBigUint64(section(view, '.rellandlock/fs_pick').content, 33n, true),
    ],
    [
      /a relocation of kind 2/,
      (view) => view.setUint32(section(view, '.rellandlock/fs_pick').content + 8, 2, true),
    ],
    [
      /which is no map/,
      (view) => view.setUint32(section(view, '.rellandlock/fs_pick').content + 12, 12, true),
    ],
    [
      /relocations with addends/,
      (view) => view.setUint32(section(view, '.rellandlock/fs_pick').header + 4, 4, true),
    ],
    [
      /instruction 4.*a map is named by number/,
      (view) => view.setUint8(section(view, 'landlock/fs_pick').content + 33, 0x11),
    ],
    [/map quota is of kind 9/, (view) => view.setUint32(section(view, 'maps').content, 9, true)],
    [/map quota has flags 0x1/, (view) => view.setUint32(section(view, 'maps').content + 16, 1, true)],
    [
      /map quota: the size of a value is 4294967295/,
      (view) => view.setUint32(section(view, 'maps').content + 8, 0xffff_ffff, true),
    ],
    [
      /map quota: the number of entries is 0/,
      (view) => view.setUint32(section(view, 'maps').content + 12, 0, true),
    ],
    [
      /map quota: values of an inode map have 8 bytes/,
      (view) => view.setUint32(section(view, 'maps').content + 8, 16, true),
    ],
    [/map written has 12 bytes, not 20/, (view) => view.setBigUint64(symbol(view, 10) + 16, 12n, true)],
    [
      /map written lies outside of its section or on another map/,
      (view) => view.setBigUint64(symbol(view, 10) + 8, 10n, true),
    ],
    [
      /function limit_writes does not lie on whole/,
      (view) => view.setBigUint64(symbol(view, 8) + 16, 249n, true),
    ],
    [
      /function limit_writes cuts an instruction/,
      (view) => view.setBigUint64(symbol(view, 8) + 16, 40n, true),
    ],
    [/calls what is no function of this file/, (view) => view.setUint8(symbol(view, 4) + 4, 0)],
    [/there is no hook fs_pock/, (_view, bytes) => replace(bytes, 'landlock/fs_pick', 'landlock/fs_pock')],
    [
      /instructions in section lundlock\/fs_pick/,
      (_view, bytes) => replace(bytes, 'landlock/fs_pick', 'lundlock/fs_pick'),
    ],
    [
      /no instruction of the subset/,
      (view) => view.setUint8(section(view, 'landlock/fs_pick').content, 0xff),
    ],
  ];
  for (const [reason, change] of cases)
    assert.throws(
      () => readObject(changed(change)),
      (error: unknown) => {
        assert.ok(error instanceof ProgramError, String(error));
        assert.match(error.message, reason);
        return true;
      },
    );
});

function replace(bytes: Uint8Array, from: string, to: string): void {
  const at = Buffer.from(bytes.buffer).indexOf(`rel${from}`) + 3;
  bytes.set(Buffer.from(to), at);
}

test('names from a file cannot write to a terminal', () => {
  const bytes = changed((_view, all) => replace(all, 'landlock/fs_pick', 'landlock/\x1b[2Jck'));
  assert.throws(() => readObject(bytes), { message: 'there is no hook \\x1b[2Jckk' });
});

test('any other bytes are refused by a ProgramError, or are read [R-002-10]', () => {
  let read = 0;
  const survive = (bytes: Uint8Array) => {
    try {
      loadObject(readObject(bytes));
      read++;
    } catch (error) {
      assert.ok(error instanceof ProgramError, String(error));
    }
  };
  const edges = fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xfe, 0xff), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(quota.length - 1), edges), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat(quota.length), { freq: 5 }),
      (changes, cut) => {
        const bytes = quota.slice(0, cut ?? quota.length);
        for (const [at, value] of changes) if (at < bytes.length) bytes.set([value], at);
        survive(bytes);
      },
    ),
    { seed: 21, numRuns: 1500 },
  );
  assert.ok(read > 20, `${read} read`);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survive), { seed: 22, numRuns: 200 });
});
