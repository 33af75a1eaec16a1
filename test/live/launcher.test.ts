/** Compiled launchers, run: what the program gets, what a failure says, and that they need nothing but the kernel. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { ARCH } from '../../packages/landward/src/kernel/call.ts';
import { ImageBuilder } from '../../packages/landward/src/kernel/image.ts';
import { type Launch, writeLaunchFile } from '../../packages/landward/src/kernel/launch-file.ts';
import { nativeFile } from '../../packages/landward/src/kernel/native.ts';
import { programEnvironment } from '../../packages/landward/src/launch/environment.ts';
import { RULE_TYPE } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { AT_FDCWD, O } from '../../packages/landward/src/uapi/open.ts';
import type { Arch } from '../../packages/landward/src/uapi/syscalls.ts';
import { missingPackage } from '../kit/debian.ts';
import { needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const everything: Launch['env'] = { pass: null, scrub: [], set: {} };

type Options = Partial<Omit<Launch, 'image'>> & {
  readonly steps?: (build: ImageBuilder) => void;
  readonly arch?: Arch;
};

/** Writes a launcher and gives its path. */
function write(t: TestContext, { steps, arch = ARCH, ...launch }: Options = {}): string {
  const build = new ImageBuilder(arch);
  steps?.(build);
  const path = join(temporaryDirectory(t, 'launcher'), 'launch');
  writeFileSync(
    path,
    writeLaunchFile({ image: build.build(), program: null, args: [], env: everything, ...launch }),
  );
  chmodSync(path, 0o755);
  return path;
}

function run(path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env, cwd?: string) {
  const child = spawnSync(path, args, { encoding: 'utf8', env, cwd });
  if (child.error !== undefined) throw child.error;
  return { status: child.status, signal: child.signal, stdout: child.stdout, stderr: child.stderr };
}

test('the command of the caller is run, with its arguments, input, status and process id', (t) => {
  const launch = write(t);
  const { status, stdout } = run(launch, ['/bin/sh', '-c', 'echo "$0|$1|$2"; exit 42', 'zero', 'a b', '']);
  assert.equal(stdout, 'zero|a b|\n');
  assert.equal(status, 42);
  assert.equal(run(launch, ['/bin/sh', '-c', 'kill -TERM $$']).signal, 'SIGTERM');
  const shell = spawnSync('/bin/sh', ['-c', `echo $$; exec ${launch} /bin/sh -c 'echo $$; cat'`], {
    input: 'the input',
  });
  const [before, after, input] = String(shell.stdout).split('\n');
  assert.equal(before, after);
  assert.equal(input, 'the input');
});

test('a fixed program gets its own arguments and then those of the caller', (t) => {
  const launch = write(t, { program: '/bin/sh', args: ['sh', '-c', 'echo "$@"', 'x', 'fixed'] });
  assert.equal(run(launch, ['and', 'more']).stdout, 'fixed and more\n');
  assert.equal(run(launch).stdout, 'fixed\n');
});

test('a command without a slash is searched in PATH', (t) => {
  const launch = write(t);
  const folder = temporaryDirectory(t);
  symlinkSync('/bin/echo', join(folder, 'say'));
  writeFileSync(join(folder, 'plain'), 'no program');
  const path = (value: string) => ({ PATH: value });
  assert.equal(run(launch, ['say', 'x'], path(`/nonexistent:/etc/passwd:${folder}`)).stdout, 'x\n');
  assert.equal(run(launch, ['say', 'x'], path('/nonexistent')).status, 127);
  assert.equal(
    run(launch, ['say', 'x'], path(''), folder).stdout,
    'x\n',
    'an empty part is the current directory',
  );
  assert.equal(run(launch, ['say', 'x'], path('/nonexistent:'), folder).stdout, 'x\n');
  assert.equal(run(launch, ['echo', 'standard'], {}).stdout, 'standard\n', 'without PATH a standard one');
  assert.equal(run(launch, ['plain'], path(`${folder}:/bin`)).status, 126, 'found, but not executable');
  assert.equal(
    run(launch, ['say', 'x'], path(`/${'x'.repeat(5000)}:${folder}`)).stdout,
    'x\n',
    'a part too long',
  );
  assert.equal(run(launch, [''], path(folder)).status, 127);
});

test('a script without an interpreter line runs in the shell', (t) => {
  const folder = temporaryDirectory(t);
  writeFileSync(join(folder, 'script'), 'echo "$0|$1|$2"\n', { mode: 0o755 });
  const script = join(folder, 'script');
  const expected = `${script}|a b|c\n`;
  assert.equal(run(write(t), [script, 'a b', 'c']).stdout, expected);
  assert.equal(run(write(t), ['script', 'a b', 'c'], { PATH: folder }).stdout, expected);
  assert.equal(run(write(t, { program: script, args: ['x', 'a b'] }), ['c']).stdout, expected);
  assert.equal(
    run(write(t, { program: script, args: [] })).status,
    126,
    'no arguments at all, not even a name',
  );
});

test('what cannot be started has the status and the message of its cause', (t) => {
  const launch = write(t);
  const missing = run(launch, ['/nonexistent/program']);
  assert.deepEqual([missing.status, missing.stderr], [127, 'landward: not found: /nonexistent/program\n']);
  const refused = run(launch, ['/etc/passwd']);
  assert.equal(refused.status, 126);
  assert.equal(refused.stderr, 'landward: cannot be executed: /etc/passwd: errno 13\n');
  const none = run(launch);
  assert.deepEqual([none.status, none.stderr], [125, 'landward: no command given\n']);
  const hostile = run(launch, ['/nonexistent/\u001b[31m\n\u009b']);
  assert.equal(hostile.stderr, 'landward: not found: /nonexistent/?[31m???\n');
  const long = run(launch, [`/${'y'.repeat(100_000)}`]);
  assert.equal(long.status, 126);
  assert(long.stderr.length < 600);
});

test('a step that fails ends with 125 and its name, and nothing is started', (t) => {
  const launch = write(t, {
    program: '/bin/echo',
    args: ['echo', 'started'],
    steps: (build) => {
      build.step('getpid', [], 'first');
      build.step('chdir', [build.string('/nonexistent')], 'enter /nonexistent');
    },
  });
  assert.deepEqual(run(launch), {
    status: 125,
    signal: null,
    stdout: '',
    stderr: 'landward: enter /nonexistent: chdir: errno 2\n',
  });
});

test('the environment is that of a run without launcher, on random lists', (t) => {
  const name = fc.string({ unit: fc.constantFrom('A', 'B', '_', '1'), minLength: 1, maxLength: 5 });
  const glob = fc.string({ unit: fc.constantFrom('A', 'B', '_', '*', '*', '?'), minLength: 1, maxLength: 6 });
  const globs = fc.array(fc.oneof(name, glob), { maxLength: 4 });
  const property = fc.property(
    fc.record({
      pass: fc.option(globs, { nil: null }),
      scrub: globs,
      set: fc.dictionary(name, fc.constantFrom('', 'x', 'a=b'), { maxKeys: 2, noNullPrototype: true }),
    }),
    fc.dictionary(name, fc.constantFrom('1', '', 'v=w'), { maxKeys: 8, noNullPrototype: true }),
    (env, given) => {
      const launch = write(t, { program: '/usr/bin/env', args: ['env'], env });
      const lines = run(launch, [], given)
        .stdout.split('\n')
        .filter((line) => line !== '');
      assert.deepEqual(lines.sort(), programEnvironment(env, given));
    },
  );
  fc.assert(property, { seed: 4, numRuns: 150 });
});

test('a variable that no rule can name does not pass', (t) => {
  const launch = write(t, { program: '/usr/bin/env', args: ['env', '-0'] });
  // Only execve can make such an environment: entries without a name or without '='.
  const python = `import ctypes, os
libc = ctypes.CDLL(None)
envp = (ctypes.c_char_p * 5)(b'GOOD=1', b'=NAMELESS', b'NOVALUE', b'', None)
argv = (ctypes.c_char_p * 2)(b'launch', None)
libc.execve(os.environb[b'LAUNCH'], argv, envp)`;
  const missing = missingPackage('python3-minimal', 'python3');
  if (missing !== undefined) return t.skip(missing);
  assert.equal(run('python3', ['-c', python], { ...process.env, LAUNCH: launch }).stdout, 'GOOD=1\0');
});

test('inherited descriptors are closed by the step that says so', (t) => {
  const steps = (build: ImageBuilder) => build.step('close_range', [3, 0xffff_ffff, 0], 'close descriptors');
  const fd = openSync('/etc/passwd', 'r');
  try {
    const list = (path: string) =>
      spawnSync(path, ['/bin/ls', '/proc/self/fd'], {
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe', fd],
      });
    // The directory that ls itself opens takes the first free number.
    assert.deepEqual(list(write(t, { steps })).stdout.trim().split('\n'), ['0', '1', '2', '3']);
    const control = list(write(t)).stdout.trim().split('\n');
    assert(control.includes('4'), 'the control has the descriptor that is left open, and that of ls');
  } finally {
    closeSync(fd);
  }
});

/** Grants reading and executing below /usr, /lib, /lib64, /bin, and nothing else. */
function confine(build: ImageBuilder): void {
  const rights = fsMask('fs.read_file', 'fs.execute', 'fs.read_dir');
  const attr = build.bytes(new Uint8Array(new BigUint64Array([BigInt(rights)]).buffer));
  const ruleset = build.slot();
  build.step('landlock_create_ruleset', [attr, 8, 0], 'create the ruleset', { store: ruleset });
  for (const path of ['/usr', '/lib', '/lib64', '/bin', '/nonexistent']) {
    const bytes = build.bytes(new Uint8Array(new BigUint64Array([BigInt(rights), 0n]).buffer));
    const flags = O[build.arch].PATH | O[build.arch].CLOEXEC;
    const open = { store: build.field(bytes, 8), okErrno: 2 };
    build.step('openat', [AT_FDCWD, build.string(path), flags, 0], `open ${path}`, open);
    build.step('landlock_add_rule', [ruleset, RULE_TYPE.PATH_BENEATH, bytes, 0], `grant ${path}`, {
      okErrno: 9,
    });
    build.step('close', [build.field(bytes, 8)], `close ${path}`, { okErrno: 9 });
  }
  build.step('prctl', [38, 1, 0, 0, 0], 'set no_new_privs');
  build.step('landlock_restrict_self', [ruleset, 0], 'enter the domain');
  build.step('close_range', [3, 0xffff_ffff, 0], 'close descriptors');
}

test('a launcher confines what it starts by Landlock', needs({ abi: 1 }), (t) => {
  const launch = write(t, { steps: confine });
  assert.match(run(launch, ['/bin/cat', '/usr/lib/os-release']).stdout, /NAME=/);
  const denied = run(launch, ['/bin/cat', '/etc/hostname']);
  assert.notEqual(denied.status, 0);
  assert.match(denied.stderr, /Permission denied/);
  assert.equal(run(write(t), ['/bin/cat', '/etc/hostname']).status, 0, 'the control');
});

test(
  'a service manager that starts a launcher has the whole service confined, also what leaves its session [R-002-37]',
  needs({ abi: 1 }),
  (t) => {
    // As daemons do: a new session, a second fork, the first process gone. Standard output is all that ties it.
    const daemon = "setsid --fork sh -c 'cat /etc/hostname && echo reached || echo refused'";
    const service = ['/bin/sh', '-c', `${daemon}; exit 0`];
    const confined = run(write(t, { steps: confine }), service);
    assert.equal(confined.status, 0);
    assert.match(confined.stdout, /refused/);
    assert.doesNotMatch(confined.stdout, /reached/);
    assert.match(run(write(t), service).stdout, /reached/, 'the control');
  },
);

test('a damaged launcher starts nothing', (t) => {
  const build = new ImageBuilder(ARCH);
  build.step('getpid', [], 'nothing');
  const file = writeLaunchFile({
    image: build.build(),
    program: '/bin/echo',
    args: ['echo', 'x'],
    env: everything,
  });
  const payload = file.length - 4096 * Math.floor(file.length / 4096);
  const start = file.length - payload;
  const folder = temporaryDirectory(t);
  const path = join(folder, 'damaged');
  const damaged = (bytes: Uint8Array, what: string) => {
    writeFileSync(path, bytes, { mode: 0o755 });
    const { status, signal, stdout, stderr } = run(path);
    assert.deepEqual(
      [status, signal, stdout, stderr],
      [125, null, '', 'landward: this file is damaged\n'],
      what,
    );
    rmSync(path);
  };
  writeFileSync(path, file, { mode: 0o755 });
  assert.equal(run(path).stdout, 'x\n', 'the control');
  rmSync(path);
  // Each byte: of the header, the image, the texts and the sum itself.
  for (let at = 0; at < payload; at += 7) {
    const bytes = file.slice();
    bytes[start + at]! ^= 0x80;
    damaged(bytes, `byte ${at}`);
  }
  // Cut anywhere: at the start of what is carried, inside, one byte before the end; and filled up again with zeros.
  for (const length of [0, 1, 8, 63, 64, payload - 9, payload - 8, payload - 1]) {
    damaged(file.slice(0, start + length), `cut at ${length}`);
    const empty = file.slice();
    empty.fill(0, start + length);
    damaged(empty, `empty from ${length}`);
  }
  damaged(readFileSync(nativeFile('launcher')!), 'nothing carried');
});

test('a launcher that carries many pages is damaged wherever it is cut', (t) => {
  const folder = temporaryDirectory(t);
  const file = readFileSync(
    write(t, {
      program: '/bin/echo',
      args: ['echo', ...Array.from({ length: 4000 }, (_, i) => `text ${i}`)],
    }),
  );
  for (const cut of [4096, 8191, 8192, 20_000, file.length - 16_384]) {
    const path = join(folder, `cut-${cut}`);
    writeFileSync(path, file.subarray(0, file.length - cut), { mode: 0o755 });
    const { status, signal, stderr } = run(path);
    assert.deepEqual([status, signal, stderr], [125, null, 'landward: this file is damaged\n'], String(cut));
  }
});

test('closed standard descriptors are /dev/null for the program, and nothing of the launcher', (t) => {
  const launch = write(t, {
    program: '/bin/ls',
    args: ['ls', '-l', '/proc/self/fd'],
    steps: (build) => {
      const attr = build.bytes(new Uint8Array(new BigUint64Array([1n]).buffer));
      build.step('landlock_create_ruleset', [attr, 8, 0], 'create the ruleset', { okErrno: 'any' });
      for (const fd of [0, 1, 2]) build.step('fcntl', [fd, 2, 0], `keep descriptor ${fd}`, { okErrno: 9 });
    },
  });
  const links = (shell: string) =>
    run('/bin/sh', ['-c', `exec "$0" ${shell}`, launch])
      .stdout.split('\n')
      .flatMap((line) => / ([0-2]) -> (.*)$/.exec(line)?.slice(1) ?? []);
  assert.deepEqual(
    links('<&- 2>&-').filter((_, i) => i !== 3),
    ['0', '/dev/null', '1', '2', '/dev/null'],
  );
  assert.match(links('<&-')[3]!, /^(pipe|socket):/, 'an open one stays what it is');
  const out = join(temporaryDirectory(t), 'out');
  assert.equal(run('/bin/sh', ['-c', `exec "$0" >&- 2>${out}`, launch]).status, 0);
});

test('a launcher for arm64 runs under emulation', (t) => {
  if (process.arch === 'arm64') return t.skip('this is arm64: the tests above have run it without emulation');
  const missing = missingPackage('qemu-user-static', 'qemu-aarch64-static');
  if (missing !== undefined) return t.skip(missing);
  const env = { pass: ['KEEP*'], scrub: ['*TOKEN*'], set: { SET: 'x' } };
  const program = { program: '/usr/bin/env', args: ['env', 'A=fixed'], env };
  const steps = (build: ImageBuilder) => build.step('prctl', [38, 1, 0, 0, 0], 'set no_new_privs');
  const given = { KEEP: '1', KEEP_TOKEN: '2', OTHER: '3' };
  const good = run(
    'qemu-aarch64-static',
    [write(t, { ...program, steps, arch: 'aarch64' }), 'B=more'],
    given,
  );
  assert.equal(good.stderr, '');
  assert.deepEqual(good.stdout.trim().split('\n').sort(), ['A=fixed', 'B=more', 'KEEP=1', 'SET=x']);
  const failing = (build: ImageBuilder) => build.step('chdir', [build.string('/nonexistent')], 'enter');
  const bad = run('qemu-aarch64-static', [write(t, { ...program, steps: failing, arch: 'aarch64' })]);
  assert.deepEqual([bad.status, bad.stderr], [125, 'landward: enter: chdir: errno 2\n']);
});
