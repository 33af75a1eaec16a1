/** What a plan tells: the report in words and as data, the kernel's view, and the variables that it completes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAssembly } from '../../packages/landward/src/filter/disassemble.ts';
import { packProgram } from '../../packages/landward/src/filter/program.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import {
  compileEnv,
  isLoaderVariable,
  LOADER_VARIABLES,
} from '../../packages/landward/src/policy/compile-env.ts';
import { envMatches } from '../../packages/landward/src/policy/env-glob.ts';
import { printKernel } from '../../packages/landward/src/policy/report-kernel.ts';
import { formatReport, reportData } from '../../packages/landward/src/policy/report-text.ts';
import { grant, memoryHost, netRule, pathRule, policyOf, READ, treeOf, WRITE } from '../kit/policies.ts';

const TREE = treeOf({ '/p/.ssh/id': 'file', '/p/a': 'dir', '/etc/hosts': 'file' });
const RULES = [
  pathRule('allow', '/p', WRITE),
  pathRule('deny', '/p/.ssh', []),
  pathRule('allow', '/etc/hosts', READ),
  netRule('allow', 'net.connect_tcp', 8000, 8010),
];

test('the report in words names each gap, each rule that is not held, and where it stands', () => {
  const plan = compile(
    policyOf([grant(...RULES)], { require: { degrade: ['fs.deny'] } }),
    memoryHost(TREE, 7),
  );
  const text = formatReport(plan).join('\n');
  assert.match(text, /^Landlock ABI 7: holds a part of what the policy denies$/m);
  assert.match(text, /fs\.deny \(accepted\) test:\d+:1: '\/p\/\.ssh' lies in a tree/);
  assert.match(text, /deny \/p\/\.ssh: not held/);
  assert.ok(!text.includes('/etc/hosts'), 'what is held as written is not listed');
  assert.match(formatReport(plan, { all: true }).join('\n'), /allow \/etc\/hosts: fully held by the kernel/);
  assert.match(formatReport(plan, { all: true }).join('\n'), /allow net\.connect_tcp 8000-8010/);
  assert.match(formatReport(compile(policyOf([grant()]), memoryHost(TREE, 0)))[0]!, /^no Landlock: /);
});

test('the report as data is plain, and says the same', () => {
  const plan = compile(policyOf([grant(...RULES)]), memoryHost(TREE, 2));
  const data = JSON.parse(JSON.stringify(reportData(plan)));
  assert.equal(data.state, 'partially');
  assert.deepEqual(
    data.gaps.map((gap: { feature: string }) => gap.feature),
    plan.gaps.map((gap) => gap.feature),
  );
  assert.equal(data.rights['fs.truncate'], 'lost');
  assert.equal(data.rules.length, RULES.length);
});

test("the kernel's view shows each object, ports in runs, and a filter that reads back as the same program", () => {
  const rules = [...RULES.slice(0, 1), RULES[2]!, RULES[3]!];
  const plan = compile(policyOf([grant(...rules)], { limits: { cpuSeconds: 5 } }), memoryHost(TREE, 7));
  const lines = printKernel(plan);
  assert.ok(lines.includes('/etc/hosts: fs.read_file'));
  assert.ok(lines.includes('8000-8010: net.connect_tcp'));
  assert.ok(lines.includes('RLIMIT_CPU 5'));
  const start = lines.indexOf('# seccomp filter') + 1;
  const assembly = lines.slice(start, lines.indexOf('', start)).join('\n');
  assert.deepEqual(packProgram(parseAssembly(assembly)), plan.filter);
});

test('loader variables never pass, unless a policy names them one by one', () => {
  const names = [
    'LD_PRELOAD',
    'LD_AUDIT',
    'LD_UNHEARD_OF',
    'GCONV_PATH',
    'NODE_OPTIONS',
    'NODE_PATH',
    'PYTHONSTARTUP',
    'PERL5OPT',
    'BASH_ENV',
    'GIT_SSH_COMMAND',
    'RUBYOPT',
    'JAVA_TOOL_OPTIONS',
  ];
  const passes = (env: ReturnType<typeof compileEnv>, name: string) =>
    (env.pass === null || env.pass.some((pattern) => envMatches(pattern, name))) &&
    !env.scrub.some((pattern) => envMatches(pattern, name));
  for (const pass of [null, ['*'], ['LD_*', 'NODE_*', 'G*', 'P*', 'BASH_*', 'RUBY*', 'JAVA*']]) {
    const env = compileEnv({ pass, scrub: [], set: {} });
    for (const name of names) assert.ok(!passes(env, name), `${name} with ${pass}`);
    assert.equal(passes(env, 'LANG'), pass === null || pass.includes('*'));
  }
  fc.assert(
    fc.property(fc.subarray(names, { minLength: 1 }), (named) => {
      const env = compileEnv({ pass: ['*', ...named], scrub: ['SECRET*'], set: { A: 'b' } });
      // With one name of the loader passed, only the names that are known stay closed to a wider pattern.
      for (const name of names)
        assert.equal(
          passes(env, name),
          named.includes(name) || (name === 'LD_UNHEARD_OF' && named.some((each) => each.startsWith('LD_'))),
        );
      assert.ok(!passes(env, 'SECRET_KEY'));
    }),
    { numRuns: 200, seed: 20261122 },
  );
  for (const pattern of LOADER_VARIABLES) assert.ok(isLoaderVariable(pattern.replace('*', 'X')));
});

test('what processes of one user share is told, until the policy refuses it', () => {
  const told = (syscalls: readonly string[]) => {
    const { process } = policyOf([]);
    const plan = compile(
      policyOf([grant(...RULES.slice(2))], { process: { ...process, syscalls } }),
      memoryHost(TREE, 7),
    );
    return plan.report.residual.join('\n');
  };
  assert.match(told([]), /System V shared memory.*refuses shmat, msgsnd, msgrcv, semop, semtimedop/);
  assert.match(told(['shmat']), /refuses msgsnd/);
  assert.doesNotMatch(told(['shmat', 'msgsnd', 'msgrcv', 'semop', 'semtimedop']), /System V/);
  assert.match(told([]), /POSIX message queues.*refuses mq_unlink/);
  assert.doesNotMatch(told(['mq_unlink']), /POSIX message queues/);
  assert.match(told([]), /priority, scheduling/);
  assert.match(told([]), /inotify/);
});
