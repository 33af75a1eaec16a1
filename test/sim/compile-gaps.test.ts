/** Every gap has a case that raises it, one that does not, and a meaning when it is accepted. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LandwardError, PolicyErrors } from '../../packages/landward/src/errors.ts';
import type { Rule, UnixRule } from '../../packages/landward/src/model/rules.ts';
import { compile, refuse } from '../../packages/landward/src/policy/compile.ts';
import { FEATURES, type Feature } from '../../packages/landward/src/policy/features.ts';
import type { Host, Plan } from '../../packages/landward/src/policy/plan.ts';
import type { Policy } from '../../packages/landward/src/policy/policy.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import {
  anywhere,
  type Entry,
  grant,
  grantedAt,
  memoryHost,
  netRule,
  pathRule,
  policyOf,
  READ,
  treeOf,
  WRITE,
} from '../kit/policies.ts';

const TREE: Readonly<Record<string, Entry>> = {
  '/etc/hosts': 'file',
  '/p/a/one': 'file',
  '/p/b/two': 'file',
  '/p/.env': 'file',
  '/p/.ssh/id': 'file',
  '/link': { link: '/p/a' },
  '/run/s': 'dir',
};

function planOf(rules: readonly Rule[], abi = 7, more: Partial<Policy> = {}, host: Partial<Host> = {}): Plan {
  return compile(policyOf([grant(...rules)], more), memoryHost(treeOf(TREE), abi, host));
}

function features(plan: Plan): Feature[] {
  return [...new Set(plan.gaps.map((gap) => gap.feature))].sort();
}

function accepting(...degrade: Feature[]): Partial<Policy> {
  return { require: { degrade } };
}

function readable(plan: Plan, path: string): boolean {
  return (grantedAt(plan.ruleset!.paths, path) & fsMask('fs.read_file')) !== 0;
}

function unix(
  operation: UnixRule['operation'],
  target: UnixRule['target'],
  verdict: 'allow' | 'deny' = 'allow',
): UnixRule {
  return { kind: 'unix', verdict, operation, target, enforce: 'any', origin: anywhere() };
}

const socket = (path: string) => ({ kind: 'path', pattern: { kind: 'subtree', path } }) as const;

test('a deny beside grants is held, and no gap', () => {
  const plan = planOf([pathRule('allow', '/p/a', READ), pathRule('deny', '/p/.ssh', [])]);
  assert.deepEqual(features(plan), []);
  assert.equal(plan.report.state, 'fully');
});

test('a deny below a grant is the gap fs.deny, stricter until accepted, dropped then', () => {
  const rules = [pathRule('allow', '/p', READ), pathRule('deny', '/p/.ssh', [])];
  const refused = planOf(rules);
  assert.deepEqual(features(refused), ['fs.deny']);
  assert.ok(
    !readable(refused, '/p/.ssh/id') && !readable(refused, '/p/a/one'),
    'an open gap closes more, not less',
  );
  assert.throws(() => refuse(refused), {
    code: 'POLICY_GAP',
    message: /fs\.deny \(test:\d+:1\): '\/p\/\.ssh'/,
  });
  const accepted = planOf(rules, 7, accepting('fs.deny'));
  refuse(accepted);
  assert.ok(readable(accepted, '/p/.ssh/id'));
  assert.equal(accepted.report.state, 'partially');
  assert.equal(accepted.report.rules[1]!.state, 'not');
});

test('expand holds a deny by its siblings, and the report says what that costs', () => {
  const plan = planOf([pathRule('allow', '/p', WRITE), pathRule('deny', '/p/.ssh', [], { expand: true })]);
  assert.deepEqual(features(plan), []);
  assert.ok(readable(plan, '/p/a/one') && readable(plan, '/p/.env') && !readable(plan, '/p/.ssh/id'));
  assert.equal(grantedAt(plan.ruleset!.paths, '/p') & fsMask('fs.make_reg', 'fs.remove_file', 'fs.refer'), 0);
  assert.ok(grantedAt(plan.ruleset!.paths, '/p/a') & fsMask('fs.make_reg'));
  assert.ok(plan.report.stricter.some((line) => line.includes("In '/p' itself nothing can be made")));
});

test('a denied file keeps its directory from being written, not from being listed', () => {
  const plan = planOf([pathRule('allow', '/p', READ), pathRule('deny', '/p/.env', [], { expand: true })]);
  assert.ok(grantedAt(plan.ruleset!.paths, '/p') & fsMask('fs.read_dir'));
  assert.ok(!readable(plan, '/p/.env'));
});

test('a second name of a denied object is not granted', () => {
  const tree = treeOf({ '/p/.env': 'file', '/p/copy': { same: '/p/.env' }, '/q/copy': { same: '/p/.env' } });
  const policy = policyOf([
    grant(
      pathRule('allow', '/p', READ),
      pathRule('deny', '/p/.env', [], { expand: true }),
      pathRule('allow', '/q/copy', READ),
    ),
  ]);
  const plan = compile(policy, memoryHost(tree, 7));
  assert.ok(!readable(plan, '/p/copy') && !readable(plan, '/q/copy'));
  assert.equal(plan.report.stricter.filter((line) => line.includes("same object as '/p/.env'")).length, 2);
});

test('a denied file with several names is noticed', () => {
  const tree = treeOf({ '/other': 'file', '/p/.env': { same: '/other' }, '/p/x': 'file' });
  const plan = compile(
    policyOf([grant(pathRule('allow', '/p', READ), pathRule('deny', '/p/.env', [], { expand: true }))]),
    memoryHost(tree, 7),
  );
  assert.match(plan.report.rules[1]!.note!, /has 2 names/);
});

test('hide and ask are gaps of their own; below a grant, accepting them does not open what they close', () => {
  for (const [verdict, feature] of [
    ['hide', 'fs.hide'],
    ['ask', 'fs.ask'],
  ] as const) {
    const rules = [pathRule('allow', '/p', READ), pathRule(verdict, '/p/.ssh', READ)];
    assert.deepEqual(features(planOf(rules)), ['fs.deny', feature].sort());
    const half = planOf(rules, 7, accepting(feature));
    assert.throws(() => refuse(half), { code: 'POLICY_GAP' });
    assert.ok(!readable(half, '/p/.ssh/id'));
    const beside = planOf([pathRule('allow', '/p/a', READ), pathRule(verdict, '/p/.ssh', READ)]);
    assert.deepEqual(features(beside), [feature]);
  }
});

test('globs: a deny that meets a grant is fs.glob, one that cannot is none, an allow is granted by expand', () => {
  const env = (more = {}) => pathRule('deny', '/', [], { glob: '/**/.env', ...more });
  assert.deepEqual(features(planOf([pathRule('allow', '/p', READ), env()])), ['fs.glob']);
  assert.deepEqual(
    features(planOf([pathRule('allow', '/etc/hosts', READ), env()])),
    [],
    'a file holds no other file',
  );
  assert.deepEqual(
    features(planOf([pathRule('allow', '/p/a', READ), pathRule('deny', '/p', [], { glob: '/p/b*/**' })])),
    [],
  );
  const expanded = planOf([pathRule('allow', '/p', READ), env({ expand: true })]);
  assert.deepEqual(features(expanded), []);
  assert.ok(!readable(expanded, '/p/.env') && readable(expanded, '/p/a/one'));
  assert.equal(expanded.report.state, 'partially', 'what appears later is not covered');
  assert.match(expanded.report.rules[1]!.note!, /Names 1 objects now/);
  const allow = (more = {}) => pathRule('allow', '/p', READ, { glob: '/p/*/t*', ...more });
  assert.deepEqual(features(planOf([allow()])), ['fs.glob']);
  const found = planOf([allow({ expand: true })]);
  assert.ok(readable(found, '/p/b/two') && !readable(found, '/p/a/one'));
});

test('an expansion that would look at too many names is a gap, not a long wait', () => {
  const names = Array.from({ length: 100_001 }, (_, index) => `n${index}`);
  const plan = planOf(
    [pathRule('allow', '/p', READ), pathRule('deny', '/p', [], { glob: '/p/**/x', expand: true })],
    7,
    {},
    {
      list: (path) => (path === '/p' ? names : []),
    },
  );
  assert.deepEqual(features(plan), ['fs.glob']);
  assert.match(plan.gaps[0]!.lost, /more than 100000 names/);
});

test('rules about one directory alone, and about one entry', () => {
  assert.deepEqual(features(planOf([pathRule('allow', '/p', ['fs.read_dir'], { exact: true })])), [
    'fs.exact',
  ]);
  assert.deepEqual(
    features(planOf([pathRule('allow', '/p/out', ['fs.make_reg'], { exact: true, missing: 'optional' })])),
    ['fs.create'],
  );
  assert.deepEqual(features(planOf([pathRule('allow', '/p/.env', ['fs.remove_file'], { exact: true })])), [
    'fs.create',
  ]);
  assert.deepEqual(features(planOf([pathRule('deny', '/p', ['meta.stat'] as never)])), ['fs.metadata']);
});

test('rights of newer kernels are gaps only where the policy restricts them', () => {
  const everything = [pathRule('allow', '/', [...WRITE, 'fs.execute', 'fs.ioctl_dev'])];
  assert.deepEqual(features(planOf([pathRule('allow', '/p', READ)], 2)), [
    'fs.ioctl_dev',
    'fs.truncate',
    'scope.signal',
  ]);
  assert.deepEqual(features(planOf([pathRule('allow', '/p', READ)], 4)), ['fs.ioctl_dev', 'scope.signal']);
  assert.deepEqual(features(planOf(everything, 5)), ['scope.signal']);
  assert.deepEqual(features(planOf([pathRule('allow', '/p', READ)], 6)), []);
  assert.deepEqual(features(planOf([pathRule('allow', '/p', WRITE)], 1)), [
    'fs.ioctl_dev',
    'fs.refer',
    'fs.truncate',
    'scope.signal',
  ]);
});

test('TCP and UDP: closed wholly is the filter, in part needs the ABI, hosts and host denies are gaps', () => {
  const connect = (more = {}) => netRule('allow', 'net.connect_tcp', 443, 443, more);
  assert.ok(!features(planOf([], 3)).includes('net.tcp'));
  assert.ok(features(planOf([connect()], 3)).includes('net.tcp'));
  assert.deepEqual(features(planOf([connect()], 7)), []);
  const udp = [netRule('allow', 'net.connect_send_udp', 53), netRule('allow', 'net.bind_udp', 0)];
  assert.deepEqual(features(planOf(udp, 9)), ['net.udp']);
  assert.deepEqual(features(planOf(udp, 10)), []);
  const host = { host: { kind: 'name', name: 'api.example.com' } } as const;
  const named = planOf([connect(host)], 7);
  assert.deepEqual(features(named), ['net.host']);
  assert.deepEqual(named.ruleset!.ports, []);
  assert.deepEqual(
    planOf([connect(host)], 7, accepting('net.host')).ruleset!.ports.map(({ port }) => port),
    [443],
  );
  const local = netRule('deny', 'net.connect_tcp', 0, 65535, { host: { kind: 'class', name: 'link-local' } });
  assert.deepEqual(features(planOf([connect(), local])), ['net.deny']);
  assert.deepEqual(planOf([connect(), local]).ruleset!.ports, []);
  assert.deepEqual(features(planOf([netRule('allow', 'net.bind_tcp', 80), local])), []);
  assert.deepEqual(features(planOf([netRule('ask', 'net.connect_tcp', 443)])), ['net.ask']);
  assert.deepEqual(
    features(planOf([connect(), netRule('deny', 'net.connect_tcp', 0, 65535)])),
    [],
    'the narrower range wins',
  );
});

test('UNIX sockets: none is the filter before ABI 9 and the kernel then, some is a gap before', () => {
  assert.deepEqual(features(planOf([], 7)), []);
  assert.ok(planOf([], 7).report.stricter.some((line) => line.startsWith('UNIX sockets cannot be made')));
  assert.ok(!planOf([], 9).report.stricter.some((line) => line.startsWith('UNIX sockets cannot be made')));
  assert.deepEqual(features(planOf([unix('connect', socket('/run/s'))], 8)), ['unix.connect']);
  const held = planOf([unix('connect', socket('/run/s'))], 9);
  assert.deepEqual(features(held), []);
  assert.equal(
    grantedAt(held.ruleset!.paths, '/run/s/x') & fsMask('fs.resolve_unix'),
    fsMask('fs.resolve_unix'),
  );
  assert.deepEqual(features(planOf([unix('connect', { kind: 'abstract', glob: 'x' })], 9)), [
    'scope.abstract_unix_socket',
  ]);
  const bind = [unix('bind', socket('/run/s')), pathRule('allow', '/run/s', WRITE)];
  assert.ok(grantedAt(planOf(bind, 9).ruleset!.paths, '/run/s') & fsMask('fs.make_sock'));
  assert.deepEqual(features(planOf([unix('bind', socket('/run/s/new'))], 9)), ['fs.create']);
  assert.deepEqual(features(planOf([], 7, {}, { seccomp: false })), [
    'net.other',
    'net.udp',
    'seccomp',
    'unix.connect',
  ]);
});

test('abstract sockets are all open or all closed, and one that is denied among all is a gap', () => {
  const scope = (verdict: 'allow' | 'deny'): Rule => ({
    kind: 'scope',
    scope: 'scope.abstract_unix_socket',
    verdict,
    enforce: 'any',
    origin: anywhere(),
  });
  const name = { ...unix('connect', { kind: 'abstract', glob: 'x' }), verdict: 'deny' } as const;
  const ABSTRACT = 1;
  const open = planOf([scope('allow')], 9);
  assert.deepEqual([features(open), open.ruleset!.scoped & ABSTRACT], [[], 0]);
  assert.deepEqual(planOf([], 9).ruleset!.scoped & ABSTRACT, ABSTRACT);
  assert.deepEqual(planOf([scope('allow'), scope('deny')], 9).ruleset!.scoped & ABSTRACT, ABSTRACT);
  const cut = planOf([scope('allow'), name], 9);
  assert.deepEqual(
    [features(cut), cut.ruleset!.scoped & ABSTRACT],
    [['scope.abstract_unix_socket'], ABSTRACT],
  );
  const accepted = planOf([scope('allow'), name], 9, {
    require: { degrade: ['scope.abstract_unix_socket'] },
  });
  assert.equal(accepted.ruleset!.scoped & ABSTRACT, 0);
  assert.deepEqual(features(planOf([name], 9)), [], 'denied among none is what the scope holds');
});

test('without Landlock there is one gap that says why, and the floor stops before it', () => {
  const plan = planOf([pathRule('allow', '/p', READ)], 0, {}, { landlock: 'disabled' });
  assert.deepEqual(features(plan), ['landlock']);
  assert.match(plan.gaps[0]!.lost, /not switched on/);
  assert.equal(plan.ruleset, null);
  assert.ok(plan.filter !== null);
  assert.throws(() => planOf([], 5, { require: { abi: 6, degrade: [] } }), { code: 'POLICY_FLOOR' });
});

test('the report says when the program can change landward itself', () => {
  const notesWith = (program: string) =>
    planOf([pathRule('allow', '/p', WRITE)], 7, { program }).report.notes.filter((note) =>
      note.includes('landward itself'),
    );
  assert.match(notesWith('/p/a')[0]!, /lies in '\/p\/a'/);
  assert.deepEqual(notesWith('/etc/landward'), []);
});

test('files that decide about the next start must not be writable', () => {
  const writing = [pathRule('allow', '/p', WRITE)];
  assert.deepEqual(features(planOf(writing, 7, { protect: ['/p/landward.toml'] })), ['self']);
  assert.deepEqual(features(planOf(writing, 7, { protect: ['/p/missing/state', '/etc/landward'] })), [
    'self',
  ]);
  assert.deepEqual(
    features(planOf([pathRule('allow', '/p/a', WRITE)], 7, { protect: ['/link/state'] })),
    ['self'],
    'after symbolic links',
  );
  assert.deepEqual(
    features(
      planOf([pathRule('allow', '/p/a', WRITE), pathRule('allow', '/p', READ)], 7, {
        protect: ['/p/landward.toml'],
      }),
    ),
    [],
  );
});

test('limits: a cgroup holds the tree, resource limits a process, and the difference is a gap', () => {
  const limits = { limits: { memoryBytes: 1 << 20, procs: 8, cpuSeconds: 3, timeMs: 500 } };
  const alone = planOf([], 7, limits);
  assert.deepEqual(features(alone), ['limits.cgroup']);
  assert.deepEqual(
    alone.limits.rlimits.map(({ name, value }) => [name, value]),
    [
      ['RLIMIT_DATA', 1 << 20],
      ['RLIMIT_NPROC', 8],
      ['RLIMIT_CPU', 3],
    ],
  );
  assert.ok(alone.stays && alone.limits.timeMs === 500);
  const grouped = planOf([], 7, limits, {
    cgroup: { path: '/sys/fs/cgroup/x', controllers: ['memory', 'pids'] },
  });
  assert.deepEqual(features(grouped), []);
  assert.deepEqual(grouped.limits.cgroup, { 'memory.max': '1048576', 'pids.max': '8' });
  assert.match(planOf([], 7, { limits: { procs: 8 } }, { uid: 0 }).gaps[0]!.lost, /spares root/);
});

test('io_uring beside closed sockets is a gap, because no filter sees its sockets', () => {
  const process = {
    ioUring: 'allow',
    ptrace: 'deny',
    namespaces: 'deny',
    terminalInjection: 'deny',
    syscalls: [],
  } as const;
  assert.deepEqual(features(planOf([], 7, { process })), ['net.other']);
});

test('missing paths: required is an error with its place, optional is skipped, create is made', () => {
  const required = pathRule('allow', '/nowhere', READ, { missing: 'required' });
  assert.throws(
    () => planOf([required, pathRule('allow', '/p/none', READ, { missing: 'required' })]),
    (error) => {
      assert.ok(error instanceof PolicyErrors);
      assert.equal(error.errors.length, 2);
      assert.ok(error.errors[0] instanceof LandwardError && error.errors[0].code === 'PATH_MISSING');
      assert.deepEqual(error.errors[0].at, required.origin);
      return true;
    },
  );
  assert.match(planOf([pathRule('allow', '/nowhere', READ)]).report.rules[0]!.note!, /nothing at this path/);
  const made = planOf([pathRule('allow', '/link/new/deep', WRITE, { missing: 'create' })]);
  assert.deepEqual(made.create, ['/p/a/new/deep']);
  assert.equal(made.ruleset!.paths[0]!.missing, 'create');
});

test('symbolic links: the rule is about what they lead to, a strict one also about the link', () => {
  const plan = planOf([pathRule('allow', '/link', READ)]);
  assert.deepEqual(
    plan.ruleset!.paths.map(({ path }) => path),
    ['/p/a'],
  );
  assert.match(plan.report.rules[0]!.note!, /'\/p\/a'/);
  assert.deepEqual(features(planOf([pathRule('allow', '/p', READ), pathRule('deny', '/link/one', [])])), [
    'fs.deny',
  ]);
  assert.deepEqual(
    features(planOf([pathRule('allow', '/etc', READ), pathRule('deny', '/link/none', [])])),
    [],
  );
});

test('rights fit their object, and every rule knows which object it was made for', () => {
  const plan = planOf([pathRule('allow', '/etc/hosts', WRITE), pathRule('allow', '/p/a', WRITE)]);
  const [hosts, directory] = plan.ruleset!.paths;
  assert.equal(hosts!.access, fsMask('fs.read_file', 'fs.write_file', 'fs.truncate'));
  assert.ok(directory!.access & fsMask('fs.refer'));
  for (const path of plan.ruleset!.paths)
    assert.ok(path.identity !== undefined && path.access & plan.ruleset!.handledFs);
});

test('a layer about sockets alone does not lose moving between directories', () => {
  const plan = compile(
    policyOf([{ kind: 'grant', name: 'g', categories: ['unix'], rules: [] }]),
    memoryHost(treeOf(TREE), 9),
  );
  assert.equal(plan.ruleset!.handledFs, fsMask('fs.refer', 'fs.make_sock', 'fs.resolve_unix'));
  assert.deepEqual(
    plan.ruleset!.paths.map(({ path, access }) => [path, access]),
    [['/', fsMask('fs.refer')]],
  );
});

test('every gap says what is lost and what would close it', () => {
  const plan = planOf(
    [pathRule('allow', '/p', WRITE), pathRule('hide', '/p/.ssh', []), netRule('ask', 'net.connect_tcp', 1)],
    2,
  );
  assert.ok(plan.gaps.length >= 6);
  for (const gap of plan.gaps)
    assert.ok(gap.feature in FEATURES && gap.lost.length > 10 && gap.closes.length > 5 && !gap.accepted);
});

test('names that landward cannot know close their directory under a glob with expand', () => {
  const env = pathRule('deny', '/p', [], { glob: '/p/**/.env', expand: true });
  const hidden = (path: string) =>
    path === '/p/b' ? null : path === '/p' ? ['a', 'b'] : path === '/p/a' ? ['one'] : [];
  const unlisted = planOf([pathRule('allow', '/p', READ), env], 7, {}, { list: hidden });
  assert.ok(readable(unlisted, '/p/a/one') && !readable(unlisted, '/p/b/two'));
  const bytes = (path: string) =>
    path === '/p' ? ['a', 'b'] : path === '/p/b' ? ['two', '\ufffd.env'] : ['one'];
  const strange = planOf([pathRule('allow', '/p', READ), env], 7, {}, { list: bytes });
  assert.ok(readable(strange, '/p/a/one') && !readable(strange, '/p/b/two'));
});

test('accepting that hosts are not told apart does not drop a deny of the port', () => {
  const rules = [
    netRule('deny', 'net.connect_tcp', 443),
    netRule('allow', 'net.connect_tcp', 443, 443, { host: { kind: 'name', name: 'api.example.com' } }),
  ];
  const half = planOf(rules, 7, accepting('net.host'));
  assert.deepEqual(half.ruleset!.ports, []);
  assert.throws(() => refuse(half), { code: 'POLICY_GAP', message: /net\.deny/ });
  assert.equal(planOf(rules, 7, accepting('net.host', 'net.deny')).ruleset!.ports.length, 1);
});

test('where siblings are granted one by one, names cannot change, even if only reading is denied', () => {
  const plan = planOf([pathRule('allow', '/p', WRITE), pathRule('deny', '/p/.ssh', READ, { expand: true })]);
  const entries = fsMask('fs.make_reg', 'fs.make_dir', 'fs.remove_file', 'fs.remove_dir', 'fs.refer');
  // With them, a granted sibling could be moved to the denied name: rules follow objects.
  assert.equal(grantedAt(plan.ruleset!.paths, '/p') & entries, 0);
  assert.equal(grantedAt(plan.ruleset!.paths, '/p/a') & entries, entries);
  assert.ok(!readable(plan, '/p/.ssh/id'));
});

test('a refusal tells the first three gaps of a feature, and how many more there are', () => {
  const gap = (feature: Feature, lost: string, accepted = false) => ({
    feature,
    lost,
    closes: 'x',
    accepted,
  });
  const gaps = [
    gap('net.udp', 'udp'),
    ...Array.from({ length: 7 }, (_, index) => gap('fs.deny', `path ${index}`)),
    gap('fs.hide', 'hidden', true),
  ];
  assert.throws(
    () => refuse({ gaps }),
    (error: unknown) => {
      assert.ok(error instanceof LandwardError);
      assert.deepEqual(error.message.split('\n').slice(1), [
        'net.udp: udp; what would close it: x',
        ...[0, 1, 2].map((index) => `fs.deny: path ${index}; what would close it: x`),
        'fs.deny: and 4 more, which --dry-run lists',
      ]);
      assert.equal(error.part, 'net.udp, fs.deny');
      return true;
    },
  );
  assert.throws(
    () => refuse({ gaps: gaps.slice(1, 4) }),
    (error: Error) => !error.message.includes('more'),
  );
});
