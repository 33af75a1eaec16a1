/**
 * Programs under a supervisor, as a person starts them: `landward run` and `spawn`. What they see, what is told afterwards,
 * what is left of them.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile, spawn } from '../../packages/landward/src/index.ts';
import type { RunError } from '../../packages/landward/src/launch/result.ts';
import { isZombie } from '../../packages/landward/src/launch/tree.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { membersOf } from '../../packages/landward/src/supervisor/tag.ts';
import { type ChildOptions, runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1, tools: ['sh', 'setsid'] });
const SECRET = 'KEY=secret\n';

/** A project with a secret that its policy denies inside what it grants. */
function project(t: Ending) {
  const work = temporaryDirectory(t);
  const home = temporaryDirectory(t);
  const policy = join(temporaryDirectory(t), 'policy.toml');
  mkdirSync(join(work, 'sub'));
  for (const place of ['.env', 'sub/.env']) writeFileSync(join(work, place), SECRET);
  writeFileSync(join(work, 'readme'), 'plain\n');
  writeFileSync(
    policy,
    `extends = ["@default"]
[fs]
write = [${JSON.stringify(work)}]
deny = [{ path = "/**/.env", because = "secrets stay \\u001b[31m here" }]
`,
  );
  const env = { ...process.env, XDG_STATE_HOME: home };
  const run = (
    words: readonly string[],
    options: ChildOptions & { readonly policies?: readonly string[] } = {},
  ) =>
    runChild(
      process.execPath,
      [
        join(root, 'test/kit/landward.ts'),
        'run',
        '--degrade',
        'self',
        '-p',
        policy,
        ...(options.policies ?? []),
        '--',
        ...words,
      ],
      { cwd: work, env, ...options },
    );
  return { work, home, policy, run };
}

/** Whoever adopts orphans may be slow to take their exit. */
const alive = (pid: string) => existsSync(`/proc/${pid}`) && !isZombie(Number(pid));

const failure = async (running: PromiseLike<unknown>): Promise<RunError> => {
  try {
    await running;
  } catch (error) {
    return error as RunError;
  }
  return assert.fail('the run did not fail');
};

test(
  'a file is denied inside a tree that is granted, also one that was made a moment ago',
  NEEDS,
  async (t) => {
    const { run } = project(t);
    const script =
      'cat readme; cat .env; mkdir new; echo x > new/file; cat new/file; cat sub/../.env; echo made > new/.env; ls -A';
    const { stdout, stderr, code } = await run(['sh', '-c', script]);
    assert.equal(stdout, 'plain\nx\n.env\nnew\nreadme\nsub\n');
    assert.equal(code, 0);
    assert.equal(stderr.match(/Permission denied/g)?.length, 3, stderr);
    // The last command went well, so that landward has nothing to tell.
    assert.ok(!stderr.includes('landward'), stderr);
  },
);

test(
  'a failed command is followed by its denials, with the reason and without control characters',
  NEEDS,
  async (t) => {
    const { run, policy } = project(t);
    const { stderr, code } = await run(['sh', '-c', 'for i in 1 2 3; do cat .env; done; exit 4']);
    assert.equal(code, 4);
    const lines = stderr.split('\n').filter((line) => line.startsWith('landward: '));
    assert.equal(lines.length, 2, stderr);
    assert.match(lines[0]!, /cat\[\d+\] was denied fs\.read_file on ".*\/\.env" \(openat: EACCES\), by /);
    assert.ok(lines[0]!.includes(`${policy}:4: secrets stay `), lines[0]!);
    assert.ok(!lines[0]!.includes('\u001b'), 'the reason is escaped');
    assert.match(lines[1]!, /landward explain --last/);
  },
);

test('the report says who holds what, and the run is in the registry', NEEDS, async (t) => {
  const { run, home } = project(t);
  const { stderr, code } = await run(['cat', '.env'], { policies: ['--report'] });
  assert.equal(code, 1);
  assert.match(stderr, /The supervisor stays beside the program and holds fs\.glob/);
  const runs = join(home, 'landward/runs');
  const [record, end] = ['.run', '.end'].map((ending) =>
    JSON.parse(
      readFileSync(join(runs, readdirSync(runs).find((name) => name.endsWith(ending)) ?? ''), 'utf8'),
    ),
  );
  assert.deepEqual(record.command, ['cat', '.env']);
  assert.equal(record.mode, 'supervisor');
  assert.match(record.id, /^[0-9a-f]{16}$/);
  assert.deepEqual([end.status, end.denials], [1, 1]);
});

test('--explain tells denials of a command that went well, --trial lets them happen', NEEDS, async (t) => {
  const { run } = project(t);
  const explained = await run(['sh', '-c', 'cat .env; true'], { policies: ['--explain'] });
  assert.equal(explained.code, 0);
  assert.ok(!explained.stdout.includes(SECRET));
  assert.match(explained.stderr, /cat\[\d+\] was denied fs\.read_file/);
  const tried = await run(['sh', '-c', 'cat .env; true'], { policies: ['--trial'] });
  assert.equal(tried.stdout, SECRET);
  assert.match(tried.stderr, /cat\[\d+\] would be denied fs\.read_file/);
});

test('exit status and signals are those of the program', NEEDS, async (t) => {
  const { run } = project(t);
  assert.equal((await run(['sh', '-c', 'exit 42'])).code, 42);
  assert.equal((await run(['sh', '-c', 'kill -9 $$'])).code, 137);
  assert.equal((await run(['/nonexistent'])).code, 127);
  writeFileSync(join(temporaryDirectory(t), 'x'), '');
  const { code, stdout } = await run(['sh', '-c', 'umask; ulimit -n; pwd; cat'], { input: 'typed' });
  const plain = await runChild('sh', ['-c', 'umask; ulimit -n']);
  assert.equal(code, 0);
  assert.ok(stdout.startsWith(plain.stdout), `${stdout} ${plain.stdout}`);
  assert.ok(stdout.endsWith('typed'));
});

test('what the command has left running is ended, and that is said', NEEDS, async (t) => {
  const { run, work } = project(t);
  const script = `setsid sh -c 'echo $$ > pid; exec sleep 300' > /dev/null 2>&1 & while ! [ -s pid ]; do :; done; exit 0`;
  const { code, stderr } = await run(['sh', '-c', script]);
  assert.equal(code, 0);
  assert.match(stderr, /ended 1 process that sh had left running/);
  assert.ok(!alive(readFileSync(join(work, 'pid'), 'utf8').trim()));
});

test('spawn tells denials as they come, and what is not known', NEEDS, async (t) => {
  const { work, policy } = project(t);
  const plan = await compile(
    { name: policy, text: readFileSync(policy, 'utf8'), format: 'toml' },
    { keepGaps: true },
  );
  const accepted = { ...plan, report: plan.report, gaps: [] };
  const heard: DenialEvent[] = [];
  const error = await failure(
    spawn('cat', ['.env'], { plan: accepted, cwd: work, onDenial: (event) => heard.push(event) }),
  );
  assert.equal(error.exitCode, 1);
  assert.notEqual(error.denials, 'unknown');
  if (error.denials === 'unknown') return;
  assert.equal(error.denials.known, 'supervised calls');
  assert.equal(error.denials.kernel, 'unknown');
  assert.deepEqual(error.denials.events, heard);
  assert.equal(heard[0]?.blame?.rule?.because, 'secrets stay \u001b[31m here');
  assert.deepEqual(heard[0]?.missing, ['fs.read_file']);

  // Many runs of one plan share the machinery, and none hears of another's denials.
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      spawn('sh', ['-c', i % 2 === 0 ? 'cat readme' : 'cat .env; true'], { plan: accepted, cwd: work }),
    ),
  );
  for (const [i, { stdout, denials }] of results.entries()) {
    assert.equal(stdout, i % 2 === 0 ? 'plain\n' : '');
    assert.equal(denials === 'unknown' ? -1 : denials.events.length, i % 2);
  }
});

test('a quiet rule denies and is counted, and nobody is told', NEEDS, async (t) => {
  const { work } = project(t);
  const policy = {
    extends: ['@shell'],
    fs: { read: [work], deny: [{ path: `${work}/.env`, quiet: true }] },
  };
  const { stdout, denials } = await spawn('sh', ['-c', 'cat readme .env; true'], { policy, cwd: work });
  assert.equal(stdout, 'plain\n');
  assert.ok(denials !== 'unknown');
  assert.deepEqual(denials.events, []);
  assert.ok(denials.more > 0, 'what was not told is counted');
});

test('abort, timeout and kill end the whole tree', NEEDS, async (t) => {
  const { work, policy } = project(t);
  const plan = await compile(
    { name: policy, text: readFileSync(policy, 'utf8'), format: 'toml' },
    { keepGaps: true },
  );
  const accepted = { ...plan, report: plan.report, gaps: [] };
  const hidden = '(setsid sh -c \'echo $$ > pid; trap "" TERM; exec sleep 300\' &) ; sleep 300';
  const abort = new AbortController();
  const running = spawn('sh', ['-c', hidden], {
    plan: accepted,
    cwd: work,
    signal: abort.signal,
    graceMs: 50,
  });
  await running.started;
  while (!existsSync(join(work, 'pid')) || readFileSync(join(work, 'pid'), 'utf8') === '')
    await new Promise((done) => setTimeout(done, 5));
  abort.abort();
  const aborted = await failure(running);
  assert.equal(aborted.aborted, true);
  assert.ok(!alive(readFileSync(join(work, 'pid'), 'utf8').trim()));

  const late = await failure(
    spawn('sh', ['-c', 'sleep 300'], { plan: accepted, cwd: work, timeout: 100, graceMs: 50 }),
  );
  assert.equal(late.timedOut, true);
});

test('starts that cannot be names the feature that needs the supervisor', NEEDS, async (t) => {
  const { policy, work } = project(t);
  const plan = await compile(
    { name: policy, text: readFileSync(policy, 'utf8'), format: 'toml' },
    { keepGaps: true },
  );
  const { exec } = await import('../../packages/landward/src/launch/exec.ts');
  assert.throws(
    () => exec('true', [], { plan, cwd: work }),
    /needs the supervisor beside the program, for fs\.glob/,
  );
  const out = join(work, 'launcher');
  const compiled = await runChild(process.execPath, [
    join(root, 'test/kit/landward.ts'),
    'compile',
    '-p',
    policy,
    '-o',
    out,
  ]);
  assert.equal(compiled.code, 125);
  assert.match(compiled.stderr, /fs\.glob/);
});

test('a kernel-only rule keeps its gap, also where a supervisor could hold it', NEEDS, async (t) => {
  const { run } = project(t);
  const policy = join(temporaryDirectory(t), 'kernel.toml');
  writeFileSync(policy, '[fs]\ndeny = [{ path = "/usr/share/doc", enforce = "kernel" }]\n');
  const { code, stderr } = await run(['true'], { policies: ['-p', policy] });
  assert.equal(code, 125);
  assert.match(stderr, /fs\.deny/);
});

test('no process of a run is left behind', NEEDS, async (t) => {
  const { work, policy } = project(t);
  const plan = await compile(
    { name: policy, text: readFileSync(policy, 'utf8'), format: 'toml' },
    { keepGaps: true },
  );
  const accepted = { ...plan, report: plan.report, gaps: [] };
  const events: DenialEvent[] = [];
  await spawn('sh', ['-c', 'cat .env; sleep 100 > /dev/null 2>&1 & true'], {
    plan: accepted,
    cwd: work,
    stdio: ['ignore', 'ignore', 'ignore'],
    onDenial: (event) => events.push(event),
  });
  assert.deepEqual(membersOf(BigInt(`0x${events[0]!.run}`)), []);
});
