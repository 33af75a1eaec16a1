/**
 * Policy programs on real processes: when they are asked, in which order, and what they cannot do.
 *
 * Each program allows or counts; the rules allow everything, so that whatever is refused is refused by a program.
 */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../../packages/landward/src/index.ts';
import { runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { count, inodeValue, OPEN_POLICY, objectOf, runPrograms } from '../kit/policy-programs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const LIVE = needs({ supervisor: true, abi: 1, tools: ['sh'] });
const ROOT = needs({ supervisor: true, abi: 1, root: true, tools: ['sh', 'setpriv'] });
const NOBODY = 65534;

/** Counts picks of the objects that its loader names, by their values, and denies those of `deny`. */
const watching = (deny: readonly number[] = []) =>
  objectOf({
    fs_pick: `
      r6 = r1
      r7 = *(u64 *)(r1 + 16)
      if r7 == 64 goto allow ; only looked at: getattr
      ${inodeValue('looked')}
      if r0 == 0 goto allow
      ${[1, 2, 3, 4].map((value) => `if r0 == ${value} goto at${value}`).join('\n')}
      goto allow
      ${[1, 2, 3, 4].map((value) => `at${value}:${count(value)}\ngoto ${deny.includes(value) ? 'deny' : 'allow'}`).join('\n')}
      ${deny.length === 0 ? '' : 'deny:\nr0 = 1\nexit'}
      allow:
      r0 = 0
      exit`,
  });

function files(t: Ending, ...names: readonly string[]): { readonly home: string; readonly paths: string[] } {
  const home = temporaryDirectory(t, 'programs');
  chmodSync(home, 0o755);
  const paths = names.map((name) => join(home, name));
  for (const path of paths) writeFileSync(path, `in ${path}\n`);
  return { home, paths };
}

const sh = (script: string, ...args: readonly string[]) =>
  ['/bin/sh', '-c', script, 'sh', ...args] as const satisfies readonly [string, ...string[]];

test('what the system or the policy denies never reaches a program [R-002-1]', ROOT, async (t) => {
  const { home, paths } = files(t, 'secret', 'mine', 'denied');
  const [secret, mine, denied] = paths as [string, string, string];
  chmodSync(secret, 0o600);
  const sticky = join(home, 'sticky');
  mkdirSync(sticky);
  chmodSync(sticky, 0o1777);
  writeFileSync(join(sticky, 'of-root'), '');
  const inodes = { objects: { [secret]: 1, [mine]: 2, [denied]: 3, [join(sticky, 'of-root')]: 4 } };
  const script = `
    cat "$1/secret"; echo x >> "$1/mine"; chmod 777 "$1/mine"; rm -f "$1/mine"; mv "$1/mine" "$1/other"
    rm -f "$1/sticky/of-root"; cat "$1/denied"; cat "$1/mine"`;
  const run = (uid?: number) =>
    runPrograms(
      {
        policy: { ...OPEN_POLICY, fs: { write: ['/'], exec: ['/'], deny: [denied] } },
        programs: [{ name: 'watch', object: watching(), inodes }],
        argv: sh(script, home),
      },
      uid === undefined ? {} : { uid },
    );
  const user = await run(NOBODY);
  assert.match(user.stdout, /in .*mine/);
  assert.equal(user.numbers.watch![1], undefined, 'a file that may not be read by its mode');
  assert.equal(user.numbers.watch![3], undefined, 'a file that the policy denies');
  assert.equal(user.numbers.watch![4], undefined, "somebody else's file in a sticky directory");
  assert.equal(user.numbers.watch![2], 1, 'the one reading that is allowed');
  // The control: to whom nothing is denied the same script shows the same objects to the program.
  const free = await run();
  assert.ok(free.numbers.watch![1]! > 0 && free.numbers.watch![4]! > 0, JSON.stringify(free.numbers));
  assert.equal(free.numbers.watch![3], undefined);
});

test('every program is asked, and one that denies is enough, in any order [R-002-27]', LIVE, async (t) => {
  const { paths } = files(t, 'file');
  const inodes = { objects: { [paths[0]!]: 1 } };
  const allow = { name: 'allow', object: watching(), inodes };
  const deny = { name: 'deny', object: watching([1]), inodes };
  for (const programs of [
    [allow, deny],
    [deny, allow],
  ]) {
    const run = await runPrograms({ programs, argv: sh('cat "$1"', paths[0]!) });
    assert.equal(run.stdout, '');
    assert.deepEqual(
      [run.numbers.allow![1], run.numbers.deny![1]],
      [1, 1],
      'who stands behind a denial is asked as well',
    );
    const [event] = run.events;
    assert.equal(event?.errno, 1);
    assert.match(event!.program!, /^deny \(fs_pick: on_fs_pick\)$/);
    assert.deepEqual(event!.missing, ['fs.read_file']);
  }
  const alone = await runPrograms({ programs: [allow], argv: sh('cat "$1"', paths[0]!) });
  assert.match(alone.stdout, /^in /);
});

test('nothing of programs is there until one is given [R-002-33]', LIVE, async () => {
  const plan = await compile({ fs: { read: ['/usr'] } }, { keepGaps: true });
  assert.equal(plan.supervisor?.programs, undefined);
  const object = watching();
  const asked = await compile(
    { fs: { read: ['/usr'] } },
    { keepGaps: true, programs: [{ name: 'x', object }] },
  );
  assert.ok(asked.supervisor?.groups.includes('open'));
  assert.equal(asked.supervisor?.programs?.length, 1);
});

test('a policy names programs, from the command line and in a limit [R-002-2, R-002-3]', LIVE, async (t) => {
  const { home, paths } = files(t, 'file', 'other');
  writeFileSync(join(home, 'guard.bpf.o'), watching([1]));
  const policy = join(home, 'landward-limit.toml');
  writeFileSync(
    policy,
    `layer = "limit"\nprograms = [{ file = "guard.bpf.o", inodes = { objects = ["file"] } }]\n`,
  );
  const env = { ...process.env, XDG_STATE_HOME: temporaryDirectory(t) };
  const landward = (...words: readonly string[]) =>
    runChild(
      process.execPath,
      [
        join(root, 'test/kit/landward.ts'),
        'run',
        '--read',
        '/',
        '--exec',
        '/',
        '--degrade',
        'self',
        ...words,
      ],
      { cwd: home, env },
    );
  const cat = ['--', 'sh', '-c', 'cat "$1"; cat "$2"', 'sh', ...paths];
  const free = await landward(...cat);
  assert.match(free.stdout, /in .*file\nin .*other/);
  for (const words of [
    ['-p', policy, '-p', '@default'],
    ['--program', 'guard.bpf.o,objects=file'],
  ]) {
    const run = await landward(...words, ...cat);
    assert.match(run.stdout, /^in .*other\n$/, run.stderr);
    assert.match(run.stderr, /Operation not permitted/);
  }
  const told = await landward('--explain', '--program', 'guard.bpf.o,objects=file', ...cat);
  assert.match(told.stderr, /guard\.bpf\.o \(fs_pick: on_fs_pick\)/, 'who said no is told');
  const wrong = await landward('--program', 'file', ...cat);
  assert.equal(wrong.code, 125);
  assert.match(wrong.stderr, /PROGRAM_INVALID|The program file/);
  const missing = await landward('--program', 'guard.bpf.o,other=file', ...cat);
  assert.match(missing.stderr, /no inode map other/);
  assert.equal(readFileSync(paths[0]!, 'utf8').length > 0, true);
});

test('programs of a policy are printed, compared, told of, and never dropped silently', LIVE, async (t) => {
  const { home, paths } = files(t, 'file', 'two words');
  writeFileSync(join(home, 'guard.bpf.o'), watching([1]));
  const inodes = `inodes = { objects = ["file", "two words"] }`;
  const text = `extends = ["@default"]\nprograms = [{ file = "guard.bpf.o", ${inodes} }]\n`;
  writeFileSync(join(home, 'policy.toml'), text);
  const env = { ...process.env, XDG_STATE_HOME: temporaryDirectory(t) };
  const landward = (...words: readonly string[]) =>
    runChild(process.execPath, [join(root, 'test/kit/landward.ts'), ...words], { cwd: home, env });
  const printed = await landward('policy', 'print', 'policy.toml');
  assert.match(printed.stdout, /^programs = \[\s*\{ file = ".*guard\.bpf\.o", inodes = /);
  writeFileSync(join(home, 'again.toml'), printed.stdout);
  const same = await landward('policy', 'diff', 'policy.toml', 'again.toml');
  assert.equal(same.stdout, 'no difference found\n');
  const without = await landward('policy', 'diff', 'policy.toml', '@default');
  assert.match(without.stdout, /wider.*programs|programs.*wider/s);
  const why = await landward('why', 'policy.toml', '--', 'read', paths[0]!);
  assert.match(why.stdout, /policy programs may refuse it all the same: guard\.bpf\.o/);
  // Beside a launcher nobody stays who could ask them.
  const compiled = await landward('compile', '-p', 'policy.toml', '-o', 'launcher', '--', 'true');
  assert.notEqual(compiled.code, 0);
});

test('a trial asks programs, and notes what they deny', LIVE, async (t) => {
  const home = temporaryDirectory(t, 'trial');
  const object = join(home, 'nosignal.bpf.o');
  writeFileSync(object, objectOf({ signal: 'r0 = 1\nexit' }));
  const run = (...words: readonly string[]) => {
    const command = ['run', ...words, '--program', object, '--', 'sh', '-c', 'kill -0 $$ && echo reached'];
    return runChild(process.execPath, [join(root, 'test/kit/landward.ts'), ...command]);
  };
  const [tried, held] = [await run('--trial'), await run()];
  assert.equal(tried.stdout, 'reached\n', tried.stderr);
  assert.match(tried.stderr, /would be denied scope\.signal .*by nosignal\.bpf\.o/);
  assert.equal(held.stdout, '');
  assert.match(held.stderr, /was denied scope\.signal .*by nosignal\.bpf\.o/);
});
