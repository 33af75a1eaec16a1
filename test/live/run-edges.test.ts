/**
 * `landward run` where the surroundings are unusual: closed standard streams, a removed directory, too many layers, too
 * long arguments, pipes that break, sessions, background groups, odd entries of PATH. The plain program is the measure.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CODES } from '../../packages/landward/src/errors.ts';
import { compile, type RunError, spawn } from '../../packages/landward/src/index.ts';
import { type ChildOptions, runChild, runScript } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1 });
const landward = [process.execPath, join(root, 'test/kit/landward.ts')];
const SYSTEM = { extends: ['@shell'], fs: { exec: ['/usr'], read: ['/usr'] } };

/** A shell line in which `$L` stands for `landward run`, with `@default` and a time limit where `stays`. */
function shell(t: Ending, line: string, options: ChildOptions & { stays?: boolean } = {}) {
  const policy = join(temporaryDirectory(t), 'policy.toml');
  writeFileSync(policy, `extends = ["@default"]\n${options.stays ? '[limits]\ntime = "10m"\n' : ''}`);
  const prefix = [...landward, 'run', '--degrade', 'self', '-p', policy, '--read', '/proc', '--'].join(' ');
  return runChild('bash', ['-c', line.replaceAll('$L', prefix)], { cwd: temporaryDirectory(t), ...options });
}

const both = [false, true] as const;

test('a broken pipe ends the program by SIGPIPE, as without landward', NEEDS, async (t) => {
  for (const stays of both) {
    const { stdout } = await shell(t, 'set -o pipefail; $L yes | head -n 1; echo $?', { stays });
    assert.equal(stdout, 'y\n141\n', `stays: ${stays}`);
  }
});

test('closed standard streams are /dev/null, and nothing of landward’s own', NEEDS, async (t) => {
  const out = join(temporaryDirectory(t), 'out');
  const look = `$L sh -c 'for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done' `;
  for (const stays of both) {
    const input = await shell(t, `${look} <&-`, { stays });
    assert.equal(input.stdout.split('\n')[0], '/dev/null', input.stderr);
    const error = await shell(t, `${look} 2>&-`, { stays });
    assert.equal(error.stdout.split('\n')[2], '/dev/null');
    const output = await shell(t, `$L sh -c 'x=$(readlink /proc/$$/fd/1 2>&1); echo "$x" >&2' >&- 2>${out}`, {
      stays,
    });
    assert.equal(output.code, 0);
    assert.equal(readFileSync(out, 'utf8'), '/dev/null\n');
  }
});

test('a library whose own standard input is closed hands nothing else on', NEEDS, async () => {
  const { stdout, stderr } = await runScript(`
    import { closeSync } from 'node:fs';
    import { compile, spawn } from './packages/landward/src/index.ts';
    const plan = await compile({ extends: ['@shell'], fs: { exec: ['/usr'], read: ['/usr', '/proc'] } });
    closeSync(0);
    const { stdout, exitCode } = await spawn('sh', ['-c', 'readlink /proc/$$/fd/0 || echo closed; echo end'], {
      plan, stdio: ['inherit', 'pipe', 'pipe'], reject: false,
    });
    console.log(JSON.stringify(stdout), exitCode);
  `);
  assert.doesNotMatch(stdout, /landlock|cgroup/, stderr);
  assert.match(stdout, /end\\n" 0\n$/, stderr);
});

test('a working directory that is removed is said', NEEDS, async (t) => {
  const { code, stderr } = await shell(t, 'mkdir gone && cd gone && rmdir ../gone && exec $L true');
  assert.equal(code, 125);
  assert.match(stderr, /working directory does not exist any more\n {2}fix: /);
  assert.doesNotMatch(stderr, / at /, 'no stack');
});

test('the seventeenth layer is refused by name, the sixteenth is not', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'open.toml'), '[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev"]\n');
  const made = await runChild(
    landward[0]!,
    [...landward.slice(1), 'compile', '-p', 'open.toml', '-o', 'layer'],
    {
      cwd: work,
    },
  );
  assert.equal(made.code, 0, made.stderr);
  const layers = (count: number) => [
    ...Array.from({ length: count }, () => join(work, 'layer')),
    ...landward,
    'run',
    ...['-p', join(work, 'open.toml'), '--', 'echo', 'reached'],
  ];
  const inside = (count: number) => {
    const [first, ...rest] = layers(count);
    return runChild(first!, rest, { cwd: work });
  };
  const [last, over] = await Promise.all([inside(15), inside(16)]);
  assert.deepEqual([last.code, last.stdout], [0, 'reached\n'], last.stderr);
  assert.deepEqual([over.code, over.stdout], [125, '']);
  assert.match(over.stderr, /16 layers of Landlock[\s\S]*fix: Compose the policies/);
});

test('arguments that are too long are COMMAND_NOT_EXECUTABLE (126) with the reason', NEEDS, async () => {
  const error = await Promise.resolve(
    spawn('true', ['x'.repeat(200_000)], { plan: await compile(SYSTEM) }),
  ).then(
    () => assert.fail('it ran'),
    (refused: RunError) => refused,
  );
  assert.deepEqual(
    [error.code, error.startFailure?.errname, CODES[error.code].exit],
    ['COMMAND_NOT_EXECUTABLE', 'E2BIG', 126],
  );
  assert.match(error.fix ?? '', /shorter/);
});

test(
  'entries of PATH that are empty or relative mean the working directory, directories are passed over',
  NEEDS,
  async (t) => {
    const work = temporaryDirectory(t);
    for (const name of ['bin', 'other', 'other/tool']) mkdirSync(join(work, name));
    writeFileSync(join(work, 'bin/tool'), '#!/bin/sh\necho relative "$0"\n', { mode: 0o755 });
    writeFileSync(join(work, 'here'), 'echo empty\n', { mode: 0o755 });
    const run = (path: string, command: string) =>
      shell(t, `PATH=${path}:/usr/bin:/bin $L ${command}`, { cwd: work });
    const [relative, empty, passed, folder] = await Promise.all([
      run('bin', 'tool'),
      run('', 'here'),
      run('other:bin', 'tool'),
      run('other', './other'),
    ]);
    assert.match(relative.stdout, /^relative .*bin\/tool\n$/, relative.stderr);
    assert.equal(empty.stdout, 'empty\n', empty.stderr);
    assert.match(passed.stdout, /^relative/, passed.stderr);
    assert.deepEqual([folder.code, folder.stdout], [126, '']);
    assert.match(folder.stderr, /it is a directory/);
  },
);

test('argv[0] is the name that was given, as a shell has it', NEEDS, async (t) => {
  const show = 'bash -c \'tr "\\\\0" "\\\\n" < /proc/$$/cmdline | head -n 1\'';
  const plain = await shell(t, show);
  const confined = await shell(t, `$L ${show}`);
  assert.equal(plain.stdout, 'bash\n', plain.stderr);
  assert.equal(confined.stdout, plain.stdout, confined.stderr);
});

test('sessions, background groups and waiting shells see the program’s own status', NEEDS, async (t) => {
  for (const stays of both) {
    const lines: readonly (readonly [string, string])[] = [
      ["setsid -w $L sh -c 'exit 9'; echo $?", '9\n'],
      ["set -m; $L sh -c 'exit 4' & wait $!; echo $?", '4\n'],
      [
        "set -m; $L sh -c 'kill -STOP $$; exit 6' & sleep 0; until jobs | grep -q Stopped; do sleep 0.05; done; kill -CONT %1; wait %1; echo $?",
        '6\n',
      ],
      ["$L sh -c 'kill -TERM $$'; echo $?", '143\n'],
    ];
    await Promise.all(
      lines.map(async ([line, expected]) => {
        const { stdout, stderr } = await shell(t, line, { stays });
        assert.equal(stdout.split('\n').slice(-2).join('\n'), expected, `stays ${stays}: ${line}\n${stderr}`);
      }),
    );
  }
});
