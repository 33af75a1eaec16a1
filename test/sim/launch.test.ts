/** The parts of `launch` that decide without a kernel: commands, options as policy, environment, limits, status, starters. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import { findCommand, refusedCommand } from '../../packages/landward/src/launch/command.ts';
import { absolutePattern, optionsPolicy } from '../../packages/landward/src/launch/command-line.ts';
import { createDirectories } from '../../packages/landward/src/launch/directories.ts';
import { startTimer } from '../../packages/landward/src/launch/endings.ts';
import { programEnvironment } from '../../packages/landward/src/launch/environment.ts';
import { softOpenFilesBefore } from '../../packages/landward/src/launch/limits.ts';
import { loadPolicy } from '../../packages/landward/src/launch/load.ts';
import { starter } from '../../packages/landward/src/launch/starter.ts';
import { below, readFloor, statusOf } from '../../packages/landward/src/launch/status.ts';
import { startImage } from '../../packages/landward/src/launch/steps.ts';
import { systemVariables } from '../../packages/landward/src/launch/variables.ts';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import { FEATURES } from '../../packages/landward/src/policy/features.ts';
import type { Host, Plan } from '../../packages/landward/src/policy/plan.ts';
import { presetNames } from '../../packages/landward/src/policy/presets/index.ts';
import { runPolicyTests } from '../../packages/landward/src/policy/test.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const code = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof LandwardError) return error.code;
    throw error;
  }
  return assert.fail('nothing was thrown');
};

test('commands: the first executable in PATH, 126 for what is there but cannot run, 127 else', (t) => {
  const directory = temporaryDirectory(t);
  for (const name of ['one', 'two', 'here']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'one/tool'), '', { mode: 0o644 });
  writeFileSync(join(directory, 'two/tool'), '', { mode: 0o755 });
  writeFileSync(join(directory, 'here/local'), '', { mode: 0o755 });
  symlinkSync('nowhere', join(directory, 'one/dangling'));
  mkdirSync(join(directory, 'one/folder'));
  const path = `${directory}/one:${directory}/two:`;
  const here = join(directory, 'here');
  assert.equal(findCommand('tool', path, here), join(directory, 'two/tool'));
  assert.equal(findCommand('local', path, here), join(directory, 'here/local'));
  assert.equal(findCommand('./local', '', here), join(directory, 'here/local'));
  assert.equal(findCommand('here/local', '', directory), join(directory, 'here/local'));
  assert.equal(
    code(() => findCommand('tool', `${directory}/one`, here)),
    'COMMAND_NOT_EXECUTABLE',
  );
  assert.equal(
    code(() => findCommand('folder', path, here)),
    'COMMAND_NOT_EXECUTABLE',
  );
  assert.equal(
    code(() => findCommand(directory, path, here)),
    'COMMAND_NOT_EXECUTABLE',
  );
  for (const name of ['none', 'dangling', '', './none', '/none/at/all', 'one/tool/below'])
    assert.equal(
      code(() => findCommand(name, path, here)),
      'COMMAND_NOT_FOUND',
      name,
    );
  assert.equal(
    code(() => findCommand('to\0ol', path, here)),
    'USAGE',
  );
  assert.deepEqual(
    [2, 13, 8].map((errno) => refusedCommand('/x', errno, 'E').exitCode),
    [127, 126, 126],
  );
});

test('options: relative paths start at the directory, whose own characters are literal', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['dist', '/p', '/p/dist'],
    ['.', '/p', '/p'],
    ['./a/b', '/p', '/p/a/b'],
    ['../x', '/p/q', '/p/x'],
    ['../..', '/p/q/r', '/p'],
    ['../../../..', '/p', '/'],
    ['..hidden', '/p', '/p/..hidden'],
    ['.env', '/p', '/p/.env'],
    ['a', '/', '/a'],
    ['/abs', '/p', '/abs'],
    ['~/x', '/p', '~/x'],
    ['$tmp/x', '/p', '$tmp/x'],
    ['*.c', '/p/[a]$b*', '/p/\\[a\\]\\$b\\*/*.c'],
  ];
  for (const [path, cwd, expected] of cases) assert.equal(absolutePattern(path, cwd), expected, path);
});

test('options: a directory with any name means itself (property)', async () => {
  const name = fc
    .string({ minLength: 1, maxLength: 8 })
    .filter((text) => !/[/\0]/.test(text) && !/^\.{1,2}$/.test(text) && text.isWellFormed());
  await fc.assert(
    fc.asyncProperty(name, async (directory) => {
      const cwd = `/base/${directory}`;
      const input = optionsPolicy({ read: ['file'] }, cwd)!;
      const { policy } = await loadPolicy({ policies: [input], cwd: '/' });
      const rule = policy.layers[0]!.rules[0]!;
      assert.ok(rule.kind === 'path');
      assert.deepEqual(rule.pattern, { kind: 'subtree', path: `${cwd}/file` });
    }),
    { seed: 7, numRuns: 100 },
  );
});

test('options: nothing said is no policy; gaps and floors have names', () => {
  assert.equal(optionsPolicy({}, '/p'), undefined);
  assert.equal(
    code(() => optionsPolicy({ degrade: ['all'] }, '/p')),
    'USAGE',
  );
  assert.equal(
    code(() => optionsPolicy({ require: ['net.tcp'] }, '/p')),
    'USAGE',
  );
  assert.equal(
    code(() => optionsPolicy({ env: ['=x'] }, '/p')),
    'USAGE',
  );
  const { value } = optionsPolicy(
    { env: ['A=1=2', 'B', 'C'], require: ['abi=4', 'abi=6'], degrade: ['net.udp'] },
    '/p',
    { B: 'b' },
  )!;
  assert.deepEqual(value, { env: { set: { A: '1=2', B: 'b' } }, require: { abi: 6, degrade: ['net.udp'] } });
});

test('environment: what passes, minus what is scrubbed, plus what is set', () => {
  const env = { PATH: '/bin', AWS_KEY: 'k', AWS_REGION: 'r', HOME: '/h', 'A=B': 'x', GONE: undefined };
  const all = { pass: null, scrub: ['AWS_*'], set: { HOME: '/other', NEW: '' } };
  assert.deepEqual(programEnvironment(all, env), ['HOME=/other', 'NEW=', 'PATH=/bin']);
  assert.deepEqual(programEnvironment({ pass: ['AWS_*'], scrub: ['*KEY*'], set: {} }, env), ['AWS_REGION=r']);
  assert.deepEqual(programEnvironment({ pass: [], scrub: [], set: {} }, env), []);
});

test('limits: the number of open files goes back to the parent’s, only where Node has raised it', () => {
  const limit = (soft: bigint | null, hard: bigint | null) => ({ soft, hard });
  assert.equal(softOpenFilesBefore(limit(4096n, 4096n), limit(1024n, 4096n)), 1024n);
  assert.equal(softOpenFilesBefore(limit(512n, 4096n), limit(1024n, 4096n)), undefined);
  assert.equal(softOpenFilesBefore(limit(4096n, 4096n), limit(8192n, 8192n)), undefined);
  assert.equal(softOpenFilesBefore(limit(4096n, 4096n), limit(null, null)), undefined);
  assert.equal(softOpenFilesBefore(limit(null, null), limit(1024n, null)), 1024n);
});

test('timers: a time beyond what Node’s timers take does not end at once', async () => {
  let fired = false;
  using _timer = startTimer(2 ** 40, () => {
    fired = true;
  });
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(fired, false);
});

test('directories: made with private parents, found again, never through a planted link', (t) => {
  const base = temporaryDirectory(t);
  const wanted = join(base, 'a/b/c');
  const made = createDirectories([wanted]);
  assert.deepEqual(createDirectories([wanted]), made);
  mkdirSync(join(base, 'elsewhere'));
  symlinkSync(join(base, 'elsewhere'), join(base, 'link'));
  assert.equal(
    code(() => createDirectories([join(base, 'link')])),
    'PATH_CHANGED',
  );
  symlinkSync(join(base, 'nothing'), join(base, 'dangling'));
  assert.equal(
    code(() => createDirectories([join(base, 'dangling')])),
    'PATH_CHANGED',
  );
  writeFileSync(join(base, 'file'), '');
  assert.equal(
    code(() => createDirectories([join(base, 'file')])),
    'PATH_CHANGED',
  );
  assert.equal(
    code(() => createDirectories([join(base, 'file/below')])),
    'PATH_CHANGED',
  );
});

const HOST: Host = {
  arch: 'x86_64',
  abi: 7,
  errata: 7,
  landlock: 'available',
  seccomp: true,
  supervisor: false,
  kernel: 'test',
  uid: 1000,
  stat: (paths) => paths.map(() => null),
  list: () => null,
};

test('status: every feature is accounted for at every ABI, and more ABI never holds less', () => {
  let held = new Set<string>();
  for (let abi = 0; abi <= 11; abi++) {
    const status = statusOf({ ...HOST, abi, landlock: abi === 0 ? 'disabled' : 'available' });
    assert.deepEqual(
      status.features.map(({ feature }) => feature),
      Object.keys(FEATURES),
    );
    const now = new Set(
      status.features.filter(({ holder }) => holder === 'kernel').map(({ feature }) => feature),
    );
    for (const feature of held) assert.ok(now.has(feature as never), `${feature} at ABI ${abi}`);
    held = now;
  }
  assert.ok(held.has('net.udp') && held.has('unix.connect'));
  assert.match(statusOf({ ...HOST, abi: 0, landlock: 'disabled' }).notes.join(), /lsm=/);
});

test('status: floors', () => {
  const status = statusOf(HOST);
  const missed = (text: string) => below(status, [readFloor(text)!]).length;
  assert.deepEqual(
    ['abi=7', 'abi=8', 'net.tcp', 'net.udp', 'seccomp', 'fs.deny'].map(missed),
    [0, 1, 0, 1, 0, 1],
  );
  for (const text of ['abi=x', 'abi', 'nothing', 'constructor', '__proto__'])
    assert.equal(readFloor(text), undefined, text);
});

test('the steps of a start: the restriction behind all that may fail for ordinary reasons, execve last', () => {
  const plan = {
    ruleset: { restrictFlags: 2 },
    filter: new Uint8Array(8),
    limits: { rlimits: [{ resource: 7, name: 'open files', value: 10 }], cgroup: {} },
  } as unknown as Plan;
  const image = startImage({
    arch: 'x86_64',
    plan,
    ruleset: 9,
    file: '/bin/true',
    argv: ['true'],
    env: [],
    cwd: '/',
    stdio: [5, 0, 2],
    keepFds: [7],
    group: true,
    resetSignals: true,
  });
  const calls = image.steps.map(({ call }) => call);
  const order = [
    'setpgid',
    'dup3',
    'close_range',
    'chdir',
    'prlimit64',
    'prctl',
    'landlock_restrict_self',
    'seccomp',
    'execve',
  ] as const;
  const places = order.map((call) => calls.indexOf(call));
  assert.ok(
    places.every((place) => place >= 0),
    calls.join(),
  );
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.deepEqual(calls.slice(-3), ['seccomp', 'execve', 'execve']);
});

test('a starting policy: fits the project, is a policy, passes its own tests, does not grant the home directory', async (t) => {
  const presets = new Set(presetNames.map((name) => `@${name}`));
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['package.json', '.git/'], ['Node.js']],
    [['pyproject.toml'], ['Python']],
    [['Makefile', 'main.c', 'build/'], ['C or C++']],
    [
      ['package.json', 'CMakeLists.txt'],
      ['Node.js', 'C or C++'],
    ],
    [['notes.txt'], []],
  ];
  for (const [files, kinds] of cases) {
    const project = temporaryDirectory(t);
    for (const file of files) {
      if (file.endsWith('/')) mkdirSync(join(project, file));
      else writeFileSync(join(project, file), '');
    }
    chmodSync(project, 0o700);
    const proposal = starter(project, presets);
    assert.deepEqual(proposal.kinds, kinds);
    const { policy } = await loadPolicy({
      cwd: project,
      policies: [{ name: 'landward.toml', text: proposal.text, directory: project }],
    });
    const tests = runPolicyTests(policy);
    assert.equal(tests.length, 3);
    assert.deepEqual(
      tests.filter(({ passed }) => !passed).map(({ test }) => test.text),
      [],
      proposal.text,
    );
    const { home } = systemVariables(project);
    const request = { kind: 'path', path: `${home}/.ssh/x`, rights: ['fs.read_file'] } as const;
    assert.equal(decideRules(policy.layers, request).verdict === 'allow', false);
  }
});
