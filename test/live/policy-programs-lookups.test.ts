/**
 * Programs that follow lookups on real processes: cookies along a path, tags on what is opened, maps of objects, and which
 * triggers each system call shows of which object.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FS_TRIGGERS } from '../../packages/landward/src/programs/index.ts';
import { fixtureProgram } from '../kit/fixture-program.ts';
import { needs, root } from '../kit/needs.ts';
import { inodeValue, objectOf, runPrograms, runsOfPrograms } from '../kit/policy-programs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const LIVE = needs({ supervisor: true, abi: 1, tools: ['cc'] });
const ROOT = needs({ supervisor: true, abi: 1, root: true, tools: ['cc'] });
const EPERM = 1;
let built: string | undefined;
const calls = () => (built ??= fixtureProgram('file-calls', ['-static']));

/** One run: the program, what is in its map, and the calls. */
type Try = readonly [object: Uint8Array, objects: Readonly<Record<string, number>>, words: readonly string[]];

/** What each call of each run came to, in order: 0 or an errno. */
async function results(...tries: readonly Try[]): Promise<readonly (readonly string[])[]> {
  const runs = await runsOfPrograms(
    tries.map(([object, objects, words]) => ({
      programs: [{ name: 'test', object, inodes: { objects } }],
      argv: [calls(), ...words],
    })),
  );
  return runs.map(({ stdout, stderr, notes }) => {
    assert.deepEqual([stderr, notes], ['', []]);
    return stdout.trimEnd().split('\n');
  });
}

/** A tree `a/b/c`, with a file in each directory. */
function tree(t: Ending): string {
  const home = temporaryDirectory(t, 'lookups');
  mkdirSync(join(home, 'a/b/c'), { recursive: true });
  for (const where of ['', 'a/', 'a/b/', 'a/b/c/']) writeFileSync(join(home, `${where}file`), where);
  return home;
}

/** Counts the directories of a lookup below the object with the value 1; a file at more than `most` may not be read. */
const depthLimit = (most: number) =>
  objectOf({
    fs_walk: `
      r6 = r1
      ${inodeValue('known')}
      if r0 == 1 goto base
      r1 = *(u64 *)(r6 + 0)
      if r1 == 0 goto done
      r2 = *(u64 *)(r6 + 16)
      if r2 != 0 goto back
      r1 += 1
      *(u64 *)(r6 + 0) = r1
      goto done
    back:
      if r2 == 1 goto done ; "." leads nowhere
      r1 += -1
      *(u64 *)(r6 + 0) = r1
      goto done
    base:
      r1 = 1
      *(u64 *)(r6 + 0) = r1
    done:
      r0 = 0
      exit`,
    fs_pick: `
      r0 = 0
      r2 = *(u64 *)(r1 + 0)
      if r2 > ${most + 1} goto deny
      exit
    deny:
      r0 = 1
      exit`,
  });

test(
  'a policy that limits how deep a lookup may go, by the cookie alone [R-002-42, R-002-22]',
  LIVE,
  async (t) => {
    const home = tree(t);
    symlinkSync('a/b/c', join(home, 'short'));
    symlinkSync(join(home, 'a/b'), join(home, 'absolute'));
    const reads = (...names: readonly string[]) => names.map((name) => `read:${join(home, name)}`);
    const paths = reads('file', 'a/file', 'a/b/file', 'a/b/c/file');
    const turned = reads('a/./file', 'a/b/../file', 'short/file', 'absolute/file');
    const inodes = { [home]: 1 };
    const [free, one, two, links] = await results(
      [depthLimit(9), inodes, paths],
      [depthLimit(1), inodes, paths],
      [depthLimit(2), inodes, paths],
      [depthLimit(1), inodes, turned],
    );
    const denied = `read ${EPERM}`;
    assert.deepEqual(free, ['read 0', 'read 0', 'read 0', 'read 0']);
    assert.deepEqual(one, ['read 0', 'read 0', denied, denied]);
    assert.deepEqual(two, ['read 0', 'read 0', 'read 0', denied]);
    assert.deepEqual(
      links,
      ['read 0', 'read 0', denied, denied],
      'a link counts as the way that it stands for',
    );
  },
);

/** Only what was reached through the object with the value 1 may be done to the object with the value 2. */
const throughOnly = (tags: boolean) =>
  objectOf({
    fs_walk: `
      r6 = r1
      ${inodeValue('known')}
      if r0 != 1 goto done
      r1 = 1
      *(u64 *)(r6 + 0) = r1
    done:
      r0 = 0
      exit`,
    fs_pick: `
      r6 = r1
      ${inodeValue('known')}
      if r0 != 2 goto allow
      r1 = *(u64 *)(r6 + 0)
      if r1 == 1 goto allow
      r0 = 1
      exit
    allow:
      r0 = 0
      exit`,
    ...(tags ? { fs_get: 'r2 = *(u64 *)(r1 + 0)\n*(u64 *)(r1 + 16) = r2\nr0 = 0\nexit' } : {}),
  });

test('tags keep what a way has earned for lookups from there [R-002-44]', ROOT, async (t) => {
  const home = tree(t);
  const objects = { [join(home, 'a')]: 1, [join(home, 'a/b/file')]: 2 };
  const b = join(home, 'a/b');
  const ways = [
    [`open-dir:${b}`, 'read-at:file'],
    [`place-dir:${b}`, 'read-at:file'],
    [`chdir:${b}`, 'read:file'],
    [`chroot:${b}`, 'read:/file'],
  ];
  const outside = join(home, 'elsewhere');
  mkdirSync(outside);
  const [whole, ...others] = await results(
    [throughOnly(false), objects, [`read:${b}/file`]],
    ...[true, false].flatMap((tags) => ways.map((words): Try => [throughOnly(tags), objects, words])),
    // A way that leads through the object once more earns it by itself, wherever it begins.
    [throughOnly(false), objects, [`open-dir:${outside}`, 'read-at:../a/b/file']],
  );
  assert.deepEqual(whole, ['read 0'], 'by its whole path');
  const came = (end: number) => [
    ['open-dir 0', `read-at ${end}`],
    ['place-dir 0', `read-at ${end}`],
    ['chdir 0', `read ${end}`],
    ['chroot 0', `read ${end}`],
  ];
  assert.deepEqual(others, [...came(0), ...came(EPERM), ['open-dir 0', 'read-at 0']]);
});

test(
  'a list of objects means these objects; a walk makes it mean what is below [R-002-43]',
  LIVE,
  async (t) => {
    const home = tree(t);
    const inside = join(home, 'a');
    const literal = objectOf({
      fs_pick: `
      r6 = r1
      ${inodeValue('known')}
      if r0 == 0 goto allow
      r2 = *(u64 *)(r6 + 16)
      r2 &= 8396800 ; open, write
      if r2 == 0 goto allow
      r0 = 1
      exit
    allow:
      r0 = 0
      exit`,
    });
    const subtree = objectOf({
      fs_walk: `
      r6 = r1
      ${inodeValue('known')}
      if r0 == 0 goto done
      r1 = 1
      *(u64 *)(r6 + 0) = r1
    done:
      r0 = 0
      exit`,
      fs_pick: 'r0 = *(u64 *)(r1 + 0)\nr0 &= 1\nexit',
    });
    const words = [`list:${inside}`, `read:${inside}/file`, `read:${inside}/b/file`, `read:${home}/file`];
    const [exact, below] = await results(
      [literal, { [inside]: 1 }, words],
      [subtree, { [inside]: 1 }, words],
    );
    assert.deepEqual(exact, [`list ${EPERM}`, 'read 0', 'read 0', 'read 0']);
    assert.deepEqual(below, ['list 0', `read ${EPERM}`, `read ${EPERM}`, 'read 0']);
  },
);

/** Notes the triggers that each named object is picked with, in `numbers` at the object's value. */
const recorder = objectOf({
  fs_pick: `
    r6 = r1
    ${inodeValue('known')}
    if r0 == 0 goto allow
    if r0 > 255 goto allow
    *(u32 *)(r10 - 4) = r0
    r7 = *(u64 *)(r6 + 16)
    r1 = map[0] ll
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto allow
    r1 = *(u64 *)(r0 + 0)
    r1 |= r7
    *(u64 *)(r0 + 0) = r1
  allow:
    r0 = 0
    exit`,
});

type Seen = Readonly<Record<string, readonly (typeof FS_TRIGGERS)[number][]>>;

/** What each system call shows, of the objects `f` (a file), `g` (another), `d` (a directory) and `h`, which holds them. */
const SHOWN: readonly (readonly [calls: readonly string[], seen: Seen])[] = [
  [['read:f'], { f: ['open', 'read'] }],
  [['write:f'], { f: ['open', 'write'] }],
  [['append:f'], { f: ['append', 'open', 'write'] }],
  [['truncating:f'], { f: ['open', 'write'] }],
  [['truncate:f'], { f: ['write'] }],
  [['list:d'], { d: ['open', 'readdir'] }],
  [['create:new'], { h: ['create', 'open', 'write'] }],
  [['mkdir:new'], { h: ['create'] }],
  [['mknod:new'], { h: ['create'] }],
  [['symlink:new'], { h: ['create'] }],
  [['unlink:f'], { f: ['unlink'], h: ['write'] }],
  [['rmdir:d'], { d: ['rmdir'], h: ['write'] }],
  [['rename:f:new'], { f: ['rename'], h: ['renameto', 'write'] }],
  [['rename:f:g'], { f: ['rename'], g: ['unlink'], h: ['renameto', 'write'] }],
  [['exchange:f:g'], { f: ['rename'], g: ['rename'], h: ['renameto', 'write'] }],
  [['link:f:new'], { f: ['link'], h: ['linkto'] }],
  [['chdir:d'], { d: ['chdir'] }],
  [['stat:f'], { f: ['getattr'] }],
  [['access:f'], { f: ['getattr'] }],
  [['chmod:f'], { f: ['setattr'] }],
  [['chown:f'], { f: ['setattr'] }],
  [['utimes:f'], { f: ['setattr'] }],
  [['execute:f'], { f: ['execute', 'read'] }],
  [['bind:new'], { h: ['create'] }],
  [
    ['keep:f', 'fstat', 'fcntl', 'flock', 'lock', 'mmap', 'ioctl', 'ftruncate'],
    { f: ['open', 'read', 'write'] },
  ],
  [['keep:f', 'fchmod'], { f: ['open', 'read', 'setattr', 'write'] }],
  [['place:f'], {}],
  // Last: what comes after it looks elsewhere.
  [['chroot:d'], { d: ['chroot'] }],
];

/** The table of docs/programs.md. */
function table(): string {
  const shown = (seen: Seen) =>
    Object.entries(seen)
      .map(([name, triggers]) => `${name}: ${triggers.join(', ')}`)
      .join('; ');
  const rows = SHOWN.map(
    ([calls, seen]) =>
      `| ${calls.map((call) => `\`${call.replaceAll(':', ' ')}\``).join(', ')} | ${shown(seen) || 'nothing'} |`,
  );
  return ['| call | what it shows |', '|---|---|', ...rows].join('\n');
}

test('the page has the table of what each call shows [R-002-46]', () => {
  const page = readFileSync(join(root, 'docs/programs.md'), 'utf8');
  assert.ok(page.includes(`\n${table()}\n`), `write into the page:\n${table()}`);
});

test('each system call shows these triggers of these objects [R-002-41, R-002-46]', ROOT, async (t) => {
  const NAMES = ['h', 'f', 'g', 'd'];
  const objects: Record<string, number> = {};
  const words = SHOWN.flatMap(([calls], index) => {
    const h = temporaryDirectory(t, 'triggers');
    mkdirSync(join(h, 'd'));
    for (const name of ['f', 'g']) writeFileSync(join(h, name), '#!/bin/true\n', { mode: 0o755 });
    for (const [at, name] of NAMES.entries()) objects[name === 'h' ? h : join(h, name)] = 4 * index + at + 1;
    return calls.map((word) => word.replaceAll(/:(\w+)/g, (_, name) => `:${h}/${name}`));
  });
  const run = await runPrograms({
    programs: [{ name: 'recorder', object: recorder, inodes: { objects } }],
    argv: [calls(), ...words],
  });
  assert.equal(run.stdout, words.map((word) => `${word.split(':')[0]} 0\n`).join(''));
  const seen = SHOWN.map((_, index) => {
    const found: Record<string, readonly string[]> = {};
    for (const [at, name] of NAMES.entries()) {
      const bits = BigInt(run.numbers.recorder?.[4 * index + at + 1] ?? 0);
      const triggers = FS_TRIGGERS.filter((_, bit) => (bits >> BigInt(bit)) & 1n);
      if (triggers.length > 0) found[name] = triggers;
    }
    return [SHOWN[index]![0].join(' '), found];
  });
  assert.deepEqual(
    seen,
    SHOWN.map(([calls, expected]) => [calls.join(' '), expected]),
  );
});
