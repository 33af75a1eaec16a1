import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type ProcessFact, processOf } from '../../packages/landward/src/audit/ps/processes.ts';
import { findSandboxes, type RunFact } from '../../packages/landward/src/audit/ps/sandboxes.ts';
import { formatView } from '../../packages/landward/src/audit/ps/table.ts';
import { matchGrowing, matchRuns } from '../../packages/landward/src/audit/registry/match.ts';
import { FIRST_NAMESPACE } from '../../packages/landward/src/audit/registry/read.ts';
import type { RunRecord } from '../../packages/landward/src/audit/registry/record.ts';
import { escapeText } from '../../packages/landward/src/model/escape.ts';
import { foreign } from '../kit/denials.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const OUTER = '0000aaaaaaaaa000';
const INNER = '0000bbbbbbbbb000';

const record = (id: string, pid: number, more: Partial<RunRecord> = {}): RunRecord => ({
  version: 1,
  id,
  time: 1000,
  uid: 1000,
  pid,
  started: `s${pid}`,
  boot: 'b',
  command: ['make', 'test'],
  cwd: '/p',
  mode: 'supervisor',
  digest: 'd'.repeat(64),
  words: [],
  files: ['/p/landward.toml'],
  policy: '',
  abi: 7,
  noNewPrivs: true,
  domains: 2,
  namespace: FIRST_NAMESPACE,
  ...more,
});
const fact = (id: string, pid: number, more: Partial<RunRecord> = {}, domain?: bigint): RunFact => ({
  record: record(id, pid, more),
  ended: false,
  denials: 3,
  ...(domain === undefined ? {} : { domain }),
});
const process = (
  pid: number,
  parent: number,
  run: string | null,
  more: Partial<ProcessFact> = {},
): ProcessFact => ({
  pid,
  parent,
  uid: 1000,
  comm: 'sh',
  numbers: [pid],
  noNewPrivs: true,
  seccomp: { mode: 2, filters: 1 },
  started: `s${pid}`,
  run,
  ...more,
});
const here = { pid: 50, namespace: FIRST_NAMESPACE, boot: 'b' };
const view = (
  runs: readonly RunFact[],
  list: readonly ProcessFact[],
  self: Parameters<typeof findSandboxes>[2] = here,
) =>
  findSandboxes(runs, { list: [process(1, 0, null), process(50, 1, null), ...list], partial: false }, self);
const one = (shown: ReturnType<typeof findSandboxes>, run: string) =>
  shown.sandboxes.find((each) => each.run === run)!;

test('members are found by their mark, whatever they did to hide their descent', () => {
  const shown = view(
    [fact(OUTER, 100)],
    [process(100, 50, OUTER), process(101, 1, OUTER), process(102, 1, null)],
  );
  const sandbox = one(shown, OUTER);
  assert.deepEqual(
    sandbox.processes.map(({ pid }) => pid),
    [100, 101],
  );
  assert.deepEqual(
    [
      sandbox.name,
      sandbox.state,
      sandbox.noNewPrivs,
      sandbox.seccompFilters,
      sandbox.denials,
      sandbox.layers,
    ],
    ['100.0', 'running', true, 1, 3, { atLeast: 2, of: 16 }],
  );
});

test('members of a run without marks are found by descent from its first process', () => {
  const runs = [fact(OUTER, 100, { mode: 'kernel', domains: 1 })];
  const list = [
    process(100, 50, null),
    process(101, 100, null),
    process(102, 101, null),
    process(103, 1, null),
  ];
  assert.deepEqual(
    one(view(runs, list), OUTER).processes.map(({ pid }) => pid),
    [100, 101, 102],
  );
  // Another process has the number now.
  const reused = [process(100, 50, null, { started: 'later' })];
  assert.equal(one(view(runs, reused), OUTER).state, 'ended');
});

test('one process that lost no_new_privs or its filter is not covered up by the others', () => {
  const list = [
    process(100, 50, OUTER),
    process(101, 100, OUTER, { noNewPrivs: false, seccomp: { mode: 0, filters: 0 } }),
  ];
  const { noNewPrivs, seccompFilters } = one(view([fact(OUTER, 100)], list), OUTER);
  assert.deepEqual([noNewPrivs, seccompFilters], [false, 0]);
});

test('names are relative to the PID namespace of the reader', () => {
  const inner = { namespace: 'pid:[4026532000]' };
  // The reader is in the writer's namespace: also after the first process has ended.
  assert.equal(one(view([fact(OUTER, 100)], [process(101, 1, OUTER)]), OUTER).name, '100.0');
  // Written in a namespace below the reader's, where the first process is number 2 and here number 100.
  const below = [process(100, 50, OUTER, { numbers: [100, 2], started: 'x' })];
  assert.equal(one(view([fact(OUTER, 2, { ...inner, started: 'x' })], below), OUTER).name, '100.0');
  // Written in a parent or sibling namespace: nobody in sight made it.
  const reader = { pid: 50, ...inner, boot: 'b' };
  assert.equal(one(view([fact(OUTER, 100)], [process(7, 1, OUTER)], reader), OUTER).name, '0.0');
  assert.equal(
    one(view([fact(OUTER, 100, { namespace: 'pid:[4026532001]' })], [], reader), OUTER).name,
    '0.0',
  );
  // The same number in another namespace is another process, unless it started at the same time.
  const namesake = [process(100, 50, null, { started: 'other' })];
  assert.equal(one(view([fact(OUTER, 100, inner)], namesake), OUTER).name, '0.0');
});

test('a run whose processes would be out of sight is not said to have ended', () => {
  const states = (self: Parameters<typeof findSandboxes>[2], more: Partial<RunRecord> = {}, ended = false) =>
    one(view([{ ...fact(OUTER, 100, more), ended }], [], self), OUTER).state;
  assert.equal(states(here), 'ended');
  assert.equal(states({ ...here, namespace: 'pid:[4026532000]' }), 'unknown');
  assert.equal(states({ ...here, namespace: 'pid:[4026532000]' }, { boot: 'before' }), 'ended');
  assert.equal(states({ ...here, namespace: 'pid:[4026532000]' }, {}, true), 'ended');
  const hidden = findSandboxes([fact(OUTER, 100)], { list: [], partial: true }, here);
  assert.equal(one(hidden, OUTER).state, 'unknown');
});

test('who is inside learns identifiers only of what is strictly nested below', () => {
  const runs = [
    fact(OUTER, 100, {}, 0x1_0000_0010n),
    fact(INNER, 200, { mode: 'kernel', domains: 1 }, 0x1_0000_0020n),
    fact('0000ccccccccc000', 300, {}, 0x1_0000_0030n),
  ];
  const list = [
    process(100, 50, OUTER),
    process(200, 100, null),
    process(300, 50, '0000ccccccccc000'),
    process(101, 100, OUTER),
  ];
  const domains = (self: number) =>
    Object.fromEntries(
      view(runs, list, { pid: self, namespace: FIRST_NAMESPACE, boot: 'b' }).sandboxes.map(
        ({ run, domain }) => [run, domain],
      ),
    );
  assert.deepEqual(domains(50), {
    [OUTER]: '100000010',
    [INNER]: '100000020',
    '0000ccccccccc000': '100000030',
  });
  assert.deepEqual(domains(101), { [OUTER]: null, [INNER]: '100000020', '0000ccccccccc000': null });
  assert.deepEqual(domains(300), { [OUTER]: null, [INNER]: null, '0000ccccccccc000': null });
  const shown = view(runs, list, { pid: 101, namespace: FIRST_NAMESPACE, boot: 'b' });
  assert.equal(shown.inside, OUTER);
  assert.deepEqual([one(shown, INNER).parent, one(shown, INNER).layers.atLeast], [OUTER, 3]);
});

test('a mark that no registry here knows is shown, and what is not known is said', () => {
  const shown = view([], [process(100, 50, OUTER, { uid: 7 })]);
  const { mode, uid, digest, command } = one(shown, OUTER);
  assert.deepEqual([mode, uid, digest, command], ['unknown', 7, null, []]);
  assert.ok(shown.unseen.some((line) => line.includes('user 7')));
  const outside = view([], [], { pid: 50, namespace: 'pid:[4026532000]', boot: 'b' });
  assert.ok(outside.unseen.includes('processes outside of this PID namespace'));
  const hidden = findSandboxes([], { list: [], partial: true }, here);
  assert.ok(hidden.unseen.some((line) => line.includes('does not show everybody')));
});

test('a process is read from its files, whatever it calls itself', () => {
  const status = (name: string) =>
    `Name:\t${name}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nPid:\t7\nPPid:\t3\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t7\t2\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n`;
  const stat = '7 (a) R 9 b) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1 1';
  const limits = (soft: string, hard = soft) =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax file locks            ${soft.padEnd(20)} ${hard.padEnd(20)} locks     \n`;
  const mark = String(0xb10da7e8a609000n);
  assert.deepEqual(processOf(status('x\\nPid:\\t9'), stat, limits(mark)), {
    pid: 7,
    parent: 3,
    uid: 1000,
    comm: 'x\nPid:\\t9',
    numbers: [7, 2],
    noNewPrivs: true,
    seccomp: { mode: 2, filters: 3 },
    started: '12345',
    run: '0b10da7e8a609000',
  });
  for (const text of [limits('unlimited'), limits('1024'), limits(mark, 'unlimited'), limits('1048577'), ''])
    assert.equal(processOf(status('x'), stat, text)?.run, null);
  assert.equal(processOf(status('x').replace('S (sleeping)', 'Z (zombie)'), stat, limits(mark)), null);
});

test('a process of a log belongs to the run that had its number at that time', () => {
  const run = (id: string, time: number, end?: number, more: Partial<RunRecord> = {}) => ({
    record: record(id, 100, { time, ...more }),
    stem: '',
    ...(end === undefined ? {} : { end: { time: end, denials: 0, dropped: 0 } }),
  });
  const find = matchRuns([
    run('old', 100_000, 200_000),
    run('new', 500_000),
    run('elsewhere', 550_000, undefined, { namespace: 'pid:[4026532000]' }),
  ]);
  const at = (time: number, pid = 100) => find({ pid }, time)?.run;
  assert.deepEqual(
    [at(150_000), at(400_000), at(600_000), at(50_000), at(600_000, 101)],
    ['old', undefined, 'new', undefined, undefined],
  );
});

test('a run that began after the log was opened is found, and the registry is not read for every stranger', () => {
  const runs = [{ record: record('first', 100, { time: 1000 }), stem: '' }];
  let reads = 0;
  let clock = 0;
  const find = matchGrowing(
    () => {
      reads++;
      return runs;
    },
    () => clock,
  );
  runs.push({ record: record('second', 200, { time: 2000 }), stem: '' });
  assert.equal(find({ pid: 200 }, 3000), undefined);
  clock = 1500;
  assert.equal(find({ pid: 200 }, 3000)?.run, 'second');
  for (let stranger = 0; stranger < 100; stranger++) assert.equal(find({ pid: 7 }, 3000), undefined);
  assert.equal(find({ pid: 100 }, 3000)?.run, 'first');
  assert.equal(reads, 2);
});

test('the table is one line a sandbox and process, whatever they are called, and nests', () => {
  fc.assert(
    fc.property(foreign, foreign, (name, comm) => {
      const runs = [fact(OUTER, 100, { command: [name, name], files: [name], words: [name] })];
      const shown = view(runs, [process(100, 50, OUTER, { comm }), process(101, 100, OUTER, { comm })]);
      const text = formatView(shown, 5000);
      const lines = text.split('\n');
      // A head, the sandbox, two processes, what is not shown, and nothing behind the last newline.
      assert.equal(lines.length, 4 + shown.unseen.length + 1);
      for (const line of lines) assert.equal(escapeText(line), line);
    }),
  );
  const runs = [fact(OUTER, 100), fact(INNER, 200, { mode: 'kernel', domains: 1, time: 0 })];
  const text = formatView(view(runs, [process(100, 50, OUTER), process(200, 100, null)]), 61_000);
  assert.match(
    text,
    /^RUN .*\n0000aaaaaaaaa000 +100\.0 +\? +supervisor +1000 +60s +running +2\+\/16 +yes +1 +3 +landward\.toml +make test\n {2}100 sh\n {2}0000bbbbbbbbb000 .*\n {4}200 sh\nnot shown/,
  );
});
