/**
 * `landward run` against the same command without it: status, signals, descriptors, variables, standard streams.
 * Everything here is a real program under a real domain; only the stated kernel is needed.
 */

import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ChildOptions, type ChildResult, runChild, runScript } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1 });
const source = join(root, 'test/kit/landward.ts');

function landward(args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  return runChild(process.execPath, [source, ...args], options);
}

test('exit status and signal are the program’s own: landward has become the program', NEEDS, async () => {
  const cases: readonly (readonly [string, number | null, NodeJS.Signals | null])[] = [
    ['exit 0', 0, null],
    ['exit 126', 126, null],
    ['exit 255', 255, null],
    ['kill -TERM $$', null, 'SIGTERM'],
    ['kill -PIPE $$', null, 'SIGPIPE'],
    ['kill -SEGV $$', null, 'SIGSEGV'],
  ];
  await Promise.all(
    cases.map(async ([line, code, signal]) => {
      const result = await landward(['run', '--', 'sh', '-c', line]);
      assert.deepEqual([result.code, result.signal], [code, signal], line);
    }),
  );
});

test('a command that is not there ends with 127, one that cannot be executed with 126', NEEDS, async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'plain'), 'echo no\n', { mode: 0o644 });
  writeFileSync(join(directory, 'orphan'), '#!/nowhere/interpreter\n', { mode: 0o755 });
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['no-such-command-here', 127, /no such command/],
    ['./plain', 126, /without execute permission/],
    ['./orphan', 127, /ENOENT[\s\S]*interpreter/],
  ];
  await Promise.all(
    cases.map(async ([command, status, message]) => {
      const { code, stderr, stdout } = await landward(['run', '--', command], { cwd: directory });
      assert.deepEqual([code, stdout], [status, ''], `${command}: ${stderr}`);
      assert.match(stderr, message);
    }),
  );
});

test('a program outside of the policy is refused by the kernel with 126 and a way out', NEEDS, async (t) => {
  const outside = join(temporaryDirectory(t), 'tool');
  const work = temporaryDirectory(t);
  writeFileSync(outside, '#!/bin/sh\necho ran\n', { mode: 0o755 });
  const denied = await landward(['run', '-p', '@base', '--', outside], { cwd: work });
  assert.equal(denied.code, 126);
  assert.match(denied.stderr, /EACCES[\s\S]*fs\.execute/);
  assert.equal((await runChild(outside, [])).stdout, 'ran\n');
});

test('a script without interpreter line runs in the shell, as execvp has it', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'script'), 'echo "ran $1"\n', { mode: 0o755 });
  const { stdout, code } = await landward(['run', '--', './script', 'me'], { cwd: work });
  assert.deepEqual({ stdout, code }, { stdout: 'ran me\n', code: 0 });
});

test('standard input, output and error are handed on as they are', NEEDS, async () => {
  const program = ['sh', '-c', 'cat; echo error >&2'];
  const with_ = await landward(['run', '--', ...program], { input: 'one\ntwo\n' });
  assert.deepEqual([with_.stdout, with_.stderr, with_.code], ['one\ntwo\n', 'error\n', 0]);
});

test(
  'the file descriptions of standard streams keep their flags',
  needs({ abi: 1, tools: ['perl'] }),
  async () => {
    const flags = ['perl', '-MFcntl', '-e', 'print fcntl($_, F_GETFL, 0), "\\n" for STDIN, STDOUT, STDERR'];
    const [plain, confined] = await Promise.all([
      runChild(flags[0]!, flags.slice(1)),
      landward(['run', '--', ...flags]),
    ]);
    assert.match(plain.stdout, /^\d+\n\d+\n\d+\n$/);
    assert.equal(confined.stdout, plain.stdout, confined.stderr);
  },
);

test('descriptors above 2 do not reach the program, unless the policy keeps them', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  const secret = join(work, 'secret');
  writeFileSync(secret, 'secret\n');
  const fd = openSync(secret, 'r');
  const read = ['sh', '-c', 'cat <&3'];
  const run = (...options: string[]) =>
    landward(['run', ...options, '--', ...read], { fds: [fd], cwd: work });
  try {
    assert.equal((await runChild(read[0]!, read.slice(1), { fds: [fd] })).stdout, 'secret\n');
    const closed = await run();
    assert.equal(closed.stdout, '');
    assert.match(closed.stderr, /Bad file descriptor|bad file descriptor|3/);
  } finally {
    closeSync(fd);
  }
  writeFileSync(join(work, 'keep.toml'), 'extends = ["@default"]\n[process]\nkeep_fds = [3]\n');
  const again = openSync(secret, 'r');
  try {
    const kept = await landward(['run', '-p', 'keep.toml', '--degrade', 'self', '--', ...read], {
      fds: [again],
      cwd: work,
    });
    assert.deepEqual([kept.stdout, kept.code], ['secret\n', 0], kept.stderr);
  } finally {
    closeSync(again);
  }
  const missing = await landward(['run', '-p', 'keep.toml', '--degrade', 'self', '--', 'true'], {
    cwd: work,
  });
  assert.equal(missing.code, 125);
  assert.match(missing.stderr, /Cannot keep descriptor 3: nobody handed one on/);
});

test('variables of loaders and interpreters do not pass, others do, and --env adds', NEEDS, async () => {
  const env = {
    PATH: process.env.PATH!,
    HOME: process.env.HOME ?? '/',
    PLAIN: 'plain',
    LD_LIBRARY_PATH: '/tmp',
    NODE_PATH: '/tmp',
    BASH_ENV: '/tmp/x',
    PYTHONPATH: '/tmp',
  };
  const { stdout } = await landward(['run', '--env', 'ADDED=1', '--env', 'PYTHONPATH', '--', 'env'], { env });
  const names = stdout.split('\n').map((line) => line.split('=')[0]);
  for (const name of ['PATH', 'PLAIN', 'ADDED', 'PYTHONPATH'])
    assert.ok(names.includes(name), `${name} in ${stdout}`);
  for (const name of ['LD_LIBRARY_PATH', 'NODE_PATH', 'BASH_ENV']) assert.ok(!names.includes(name), name);
});

test('Node’s own traces are gone: ignored signals, mask, limit on open files', NEEDS, async () => {
  const show = ['sh', '-c', 'grep -E "^Sig(Blk|Ign)" /proc/self/status; ulimit -n; ulimit -Hn'];
  const grant = ['--read', '/proc'];
  const run = [process.execPath, source, 'run', ...grant, '--', ...show];
  // The shell in between is the witness of the limit: it has what the person set.
  const limited = ['sh', '-c', 'ulimit -Sn 256; "$@"', 'sh'];
  const [plain, confined] = await Promise.all([
    runChild(limited[0]!, [...limited.slice(1), ...show]),
    runChild(limited[0]!, [...limited.slice(1), ...run]),
  ]);
  assert.equal(confined.code, 0, confined.stderr);
  assert.equal(confined.stdout, plain.stdout);
});

test('an unknown option, a missing -- and a missing command are refused with 125', NEEDS, async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['run', '--wrte', 'x', '--', 'true'], /Unknown option --wrte[\s\S]*--write/],
    [['run', 'true'], /stands behind --/],
    [['run'], /no command behind --/],
    [['run', '--'], /no command behind --/],
    [['run', '--read', '--', 'true'], /argument missing|ambiguous|value/i],
    [['run', '--arch', 'x', '--arch', 'y', '--', 'true'], /Unknown option --arch/],
    [['compile', '-o', 'a', '-o', 'b'], /--output stands twice/],
    [['rnu', '--', 'true'], /Unknown command rnu[\s\S]*landward run/],
    [['--polcy'], /Unknown option --polcy/],
    [['policy', 'tset'], /policy test/],
    [['run', '--degrade', 'nothing-such', '--', 'true'], /no gap named/],
    [['run', '--require', 'abi=99', '--', 'true'], /requires Landlock ABI 99/],
    [['run', '-p', './none.toml', '--', 'true'], /no policy file/],
    [['run', '--preset', 'none-such', '--', 'true'], /no preset '@none-such'/],
  ];
  const script = `
    import { main } from './packages/landward/src/cli/main.ts';
    import { writeSync } from 'node:fs';
    for (const argv of ${JSON.stringify(cases.map(([argv]) => argv))}) {
      const status = await main(argv);
      writeSync(2, '\\0');
      writeSync(1, status + '\\n');
    }
  `;
  const { stdout, stderr } = await runScript(script);
  assert.equal(stdout, '125\n'.repeat(cases.length), stderr);
  const messages = stderr.split('\0');
  for (const [index, [argv, message]] of cases.entries())
    assert.match(messages[index]!, message, argv.join(' '));
});

/** A policy that denies a directory inside what it grants, and leaves that to the kernel, which cannot hold it. */
function kernelOnlyDeny(t: Ending, work: string): string {
  const policy = join(temporaryDirectory(t), 'kernel.toml');
  const inner = JSON.stringify(join(work, 'inner'));
  writeFileSync(
    policy,
    `extends = ["@default"]\n[fs]\nwrite = [${JSON.stringify(work)}]\ndeny = [{ path = ${inner}, enforce = "kernel" }]\n`,
  );
  return policy;
}

test('a gap stops the start, names what would close it, and can be accepted by name', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  mkdirSync(join(work, 'inner'));
  const args = ['-p', kernelOnlyDeny(t, work), '--', 'sh', '-c', 'echo started'];
  const refused = await landward(['run', ...args], { cwd: work });
  assert.deepEqual([refused.code, refused.stdout], [125, '']);
  assert.match(refused.stderr, /fs\.deny/);
  assert.match(refused.stderr, /--degrade fs\.deny/);
  const accepted = await landward(['run', '--degrade', 'fs.deny', ...args], { cwd: work });
  assert.deepEqual([accepted.code, accepted.stdout], [0, 'started\n'], accepted.stderr);
});

test('a dry run starts nothing and reports; it fails like the run would', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  const dry = await landward(['run', '--dry-run', '--', 'touch', 'made'], { cwd: work });
  assert.equal(dry.code, 0, dry.stderr);
  assert.ok(dry.stdout.length > 0);
  assert.throws(() => readFileSync(join(work, 'made')), /ENOENT/);
  mkdirSync(join(work, 'inner'));
  const gap = await landward(['run', '--dry-run', '-p', kernelOnlyDeny(t, work), '--', 'true'], {
    cwd: work,
  });
  assert.equal(gap.code, 125);
  const json = await landward(['run', '--dry-run', '--json'], { cwd: work });
  assert.equal(typeof JSON.parse(json.stdout), 'object');
});

test(
  'what is written: the working directory; what is not: home, the system, the network',
  NEEDS,
  async (t) => {
    const work = temporaryDirectory(t);
    const home = temporaryDirectory(t);
    mkdirSync(join(home, '.ssh'));
    writeFileSync(join(home, '.ssh/id_ed25519'), 'key\n');
    chmodSync(join(home, '.ssh'), 0o700);
    const script = `echo ok > made; cat ${home}/.ssh/id_ed25519; echo no > ${home}/made; echo no > /usr/made; echo done`;
    const { stdout, code } = await landward(['run', '--', 'sh', '-c', script], {
      cwd: work,
      env: { ...process.env, HOME: home, TMPDIR: join(work, 'tmp-none') },
    });
    assert.deepEqual([stdout, code], ['done\n', 0]);
    assert.equal(readFileSync(join(work, 'made'), 'utf8'), 'ok\n');
    assert.throws(() => readFileSync(join(home, 'made')), /ENOENT/);
  },
);

test('a project’s policy that nobody approved only narrows, and that is said', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  const state = temporaryDirectory(t);
  const outside = temporaryDirectory(t);
  writeFileSync(join(outside, 'open'), 'open\n');
  const env = {
    ...process.env,
    XDG_STATE_HOME: state,
    HOME: temporaryDirectory(t),
    TMPDIR: join(work, 'none'),
  };
  writeFileSync(
    join(work, 'landward.toml'),
    `extends = ["@shell"]\n[fs]\nread = ["$project", "${outside}"]\nexec = ["/usr"]\n`,
  );
  const run = () =>
    landward(['run', '--', 'sh', '-c', `cat ${outside}/open; echo x > made`], { cwd: work, env });
  const narrow = await run();
  assert.match(narrow.stderr, /landward\.toml only narrows \(not approved\)/);
  assert.equal(narrow.stdout, '');
  assert.throws(() => readFileSync(join(work, 'made')), /ENOENT/);
  const approved = await landward(['policy', 'approve'], { cwd: work, env });
  assert.equal(approved.code, 0, approved.stderr);
  const wide = await run();
  assert.equal(wide.stdout, 'open\n', wide.stderr);
  assert.doesNotMatch(wide.stderr, /only narrows/);
});

test('a file that changes between compile and start is not granted', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  const script = `
    import { writeFileSync, renameSync } from 'node:fs';
    import { compile, spawn } from './packages/landward/src/index.ts';
    const plan = await compile({ extends: ['@base'], fs: { read: [${JSON.stringify(join(work, 'a'))}] } });
    writeFileSync(${JSON.stringify(join(work, 'b'))}, 'other');
    renameSync(${JSON.stringify(join(work, 'b'))}, ${JSON.stringify(join(work, 'a'))});
    const error = await spawn('true', [], { plan }).catch((error) => error);
    console.log(error.code, error.started, error.pid);
  `;
  writeFileSync(join(work, 'a'), 'first');
  const { stdout, stderr } = await runChild(
    process.execPath,
    ['--input-type=module-typescript', '-e', script],
    { cwd: root },
  );
  assert.equal(stdout, 'PATH_CHANGED false null\n', stderr);
});
