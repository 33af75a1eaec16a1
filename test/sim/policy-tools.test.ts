/** Questions, policy tests, diff, lint: what people ask of a policy. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PATH_OPERATIONS, readQuestion } from '../../packages/landward/src/policy/ask.ts';
import { canonicalJson } from '../../packages/landward/src/policy/canonical.ts';
import { diffPolicies } from '../../packages/landward/src/policy/diff.ts';
import { isRefusal } from '../../packages/landward/src/policy/expand.ts';
import { LINTS, type LintCode, lintPolicy } from '../../packages/landward/src/policy/lint.ts';
import { printPolicy } from '../../packages/landward/src/policy/print.ts';
import { runPolicyTests } from '../../packages/landward/src/policy/test.ts';
import { systemScope } from '../../packages/landward/src/policy/vars.ts';
import { errorsOf, resolveInputs, resolveText, shown, VARIABLES } from '../kit/policy-text.ts';

const { lookup } = systemScope(VARIABLES);

describe('questions', () => {
  const accepted: readonly [string, object][] = [
    ['read ~/.ssh/id', { kind: 'path', path: '/home/u/.ssh/id', rights: ['fs.read_file'] }],
    ['read $project/', { kind: 'path', path: '/home/u/p', rights: ['fs.read_dir'], directory: true }],
    ['write /a\\*b', { kind: 'path', path: '/a*b', rights: ['fs.write_file', 'fs.truncate'] }],
    ['write /a b  ', { kind: 'path', path: '/a b', rights: ['fs.write_file', 'fs.truncate'] }],
    ['create /a/', { kind: 'path', path: '/a', rights: ['fs.make_dir'], directory: true }],
    ['fs.make_sock,fs.refer /x', { kind: 'path', path: '/x', rights: ['fs.make_sock', 'fs.refer'] }],
    ['meta.write /x', { kind: 'path', path: '/x', rights: ['meta.write'] }],
    ['rename /a -> /b', { kind: 'refer', operation: 'rename', from: '/a', to: '/b' }],
    ['link ~/a -> $tmp/b', { kind: 'refer', operation: 'link', from: '/home/u/a', to: '/tmp/b' }],
    ['exchange /a/ -> /b/', { kind: 'refer', operation: 'exchange', from: '/a', to: '/b', directory: true }],
    ['connect tcp:443', { kind: 'net', right: 'net.connect_tcp', port: 443 }],
    [
      'connect udp:Example.com:53',
      { kind: 'net', right: 'net.connect_send_udp', port: 53, name: 'example.com' },
    ],
    ['listen tcp:[::1]:80', { kind: 'net', right: 'net.bind_tcp', port: 80, address: '::1' }],
    ['net.bind_udp 192.0.2.1:53', { kind: 'net', right: 'net.bind_udp', port: 53, address: '192.0.2.1' }],
    ['connect /run/x', { kind: 'unix', operation: 'connect', path: '/run/x' }],
    ['connect $runtime/bus', { kind: 'unix', operation: 'connect', path: '/run/user/1000/bus' }],
    ['listen @name', { kind: 'unix', operation: 'bind', abstract: 'name' }],
    ['signal', { kind: 'scope', scope: 'scope.signal' }],
    ['scope.abstract_unix_socket', { kind: 'scope', scope: 'scope.abstract_unix_socket' }],
  ];
  for (const [text, expected] of accepted)
    it(text, () => assert.deepEqual(readQuestion(text, lookup), expected));

  const refused: readonly [string, RegExp][] = [
    ['', /A question names an operation/],
    ['raed /x', /There is no operation 'raed'/],
    ['read', /names no object/],
    ['read x', /A path is absolute/],
    ['read /a*', /is a glob/],
    ['write /a/', /A file is written/],
    ['rename /a', /has two paths/],
    ['connect tcp:1-9', /about one port/],
    ['connect 443', /A port belongs to a protocol/],
    ['connect tcp:192.0.2.0/24:1', /about one host/],
    ['connect tcp:loopback:1', /about one host/],
    ['connect example.com:1', /names its protocol/],
    ['connect @', /name of an abstract socket is missing/],
    ['signal 7', /names no object/],
    ['constructor /x', /There is no operation/],
    ['toString /x', /There is no operation/],
    ['read $nope', /There is no variable/],
  ];
  for (const [text, expected] of refused) {
    it(`refuses '${text}'`, () => {
      const result = readQuestion(text, lookup);
      assert.ok(isRefusal(result), JSON.stringify(result));
      assert.match(result.refused, expected);
    });
  }

  it('have a row of documentation each', () => {
    for (const { doc, file, directory } of Object.values(PATH_OPERATIONS))
      assert.ok(doc && file.length > 0 && directory.length > 0);
  });
});

describe('policy tests', () => {
  const text =
    '[fs]\nread = ["$project"]\nhide = ["~/.ssh"]\nask = ["/ask"]\n[net]\nconnect = ["tcp:api.example.com:443"]\n';

  it('pass where the model answers as expected', async () => {
    const policy = await resolveText(`${text}
[[test]]
allow = ["read $project/x", "connect tcp:api.example.com:443"]
deny = ["write $project/x", "read ~/.ssh/id", "connect tcp:evil.example:443", "signal"]
hide = "read ~/.ssh/id"
ask = "write /ask/x"`);
    const results = runPolicyTests(policy);
    assert.equal(results.length, 8);
    assert.deepEqual(
      results.filter(({ passed }) => !passed),
      [],
    );
  });

  it('fail with the decision and the place', async () => {
    const policy = await resolveText(
      `${text}\n[[test]]\nallow = "read /etc/shadow"\n[[test]]\ndeny = "read $project/x"\n[[test]]\nallow = "read ~/.ssh/id"\n[[test]]\ndeny = "read /ask/x"`,
    );
    const results = runPolicyTests(policy);
    assert.deepEqual(
      results.map(({ passed, test, decision }) => [passed, test.at.line, decision.verdict]),
      [
        [false, 9, 'deny'],
        [false, 11, 'allow'],
        [false, 13, 'hide'],
        [false, 15, 'ask'],
      ],
    );
  });

  it('see the variables of their text', async () => {
    const policy = await resolveText(
      '[vars]\ndata = "/srv/data"\n[fs]\nread = ["$data"]\n[[test]]\nallow = "read $data/x"',
    );
    assert.equal(runPolicyTests(policy)[0]!.passed, true);
  });

  it('are refused where they cannot be read', async () => {
    const errors = await errorsOf(resolveText('[[test]]\nallow = ["read /x", "fly /x"]\n[[test]]'));
    assert.deepEqual(errors.map(shown), [
      "2:21 There is no operation 'fly'",
      '3:3 A test expects something, this one is empty',
    ]);
  });
});

describe('diff', () => {
  const changes = async (before: string, after: string) => {
    const { wider, narrower, complete } = diffPolicies(await resolveText(before), await resolveText(after));
    const short = (list: typeof wider) =>
      list.map((change) =>
        'object' in change
          ? `${change.object} ${change.rights.join()} ${change.from}->${change.to}`
          : `${change.setting}`,
      );
    return { wider: short(wider), narrower: short(narrower), complete };
  };

  it('shows nothing for a rewording', async () => {
    const before = '[fs]\nread = ["/a", "/a/b"]\nwrite = ["/w"]';
    const after =
      '[vars]\nx = ["/w", "/a"]\n[fs]\nwrite = ["/w"]\nread = ["$x"]\n[kernel.fs]\nread_file = ["/a/b/c"]';
    assert.deepEqual(await changes(before, after), { wider: [], narrower: [], complete: true });
  });

  it('shows what a removed denial opens', async () => {
    const before = '[fs]\nread = ["/a"]\ndeny = ["/a/secret"]';
    assert.deepEqual(await changes(before, '[fs]\nread = ["/a"]'), {
      wider: ['/a/secret fs.read_file,fs.read_dir deny->allow'],
      narrower: [],
      complete: true,
    });
    assert.deepEqual((await changes('[fs]\nread = ["/a"]', before)).narrower, [
      '/a/secret fs.read_file,fs.read_dir allow->deny',
    ]);
  });

  it('tells a directory from what is in it', async () => {
    const result = await changes('', '[fs]\nlist = ["/a"]\n[kernel.fs]\nremove_file = ["/a"]');
    assert.deepEqual(result.wider, [
      '/a fs.read_dir deny->allow',
      '/a/… fs.read_dir,fs.remove_file deny->allow',
    ]);
  });

  it('shows ports at the edges of ranges, and says when it only has examples', async () => {
    assert.deepEqual(await changes('[net]\nconnect = ["tcp:80-90"]', '[net]\nconnect = ["tcp:85-95"]'), {
      wider: ['*:91-95 net.connect_tcp deny->allow'],
      narrower: ['*:80-84 net.connect_tcp allow->deny'],
      complete: true,
    });
    const hosts = await changes(
      '[net]\nconnect = ["tcp:443"]',
      '[net]\nconnect = ["tcp:443"]\ndeny = ["tcp:link-local"]',
    );
    assert.deepEqual(hosts.complete, false);
    assert.ok(
      hosts.narrower.some((line) => line.startsWith('link-local:443')),
      hosts.narrower.join('\n'),
    );
  });

  it('shows sockets, scopes and settings', async () => {
    const result = await changes(
      '[process]\nptrace = "allow"\n[limits]\nprocs = 3',
      '[unix]\nconnect = ["/run/x"]\n[process]\nsignal = "any"\n[limits]\nprocs = 4\n[env]\npass = ["A"]',
    );
    assert.deepEqual(result.wider, [
      '/run/x unix.connect deny->allow',
      'outside scope.signal deny->allow',
      'limits.procs',
    ]);
    assert.deepEqual(result.narrower, ['process.ptrace', 'env.pass']);
  });
});

describe('diff of what may change', () => {
  const both = async (before: string, after: string) => {
    const [old, next] = await Promise.all(
      [before, after].map((text) => resolveText(`layer = "limit"\n${text}`)),
    );
    const { wider, narrower } = diffPolicies(old!, next!);
    return [wider, narrower].map((list) => list.map((change) => ('setting' in change ? change.setting : '')));
  };
  it('tells that a layer may change from now on, or no more', async () => {
    const rules = '[fs]\nread = ["/x"]';
    assert.deepEqual(await both(rules, `mutable = "any"\n${rules}`), [['mutable'], []]);
    assert.deepEqual(await both(`mutable = "stricter"\n${rules}`, `mutable = "any"\n${rules}`), [
      ['mutable'],
      [],
    ]);
    assert.deepEqual(await both(`mutable = "any"\n${rules}`, rules), [[], ['mutable']]);
    assert.deepEqual(await both(rules, rules), [[], []]);
  });
});

describe('lint', () => {
  const lints = async (text: string) =>
    lintPolicy(await resolveText(text), VARIABLES).map(({ code, at }) => `${code} ${at?.line ?? '-'}`);
  const cases: Readonly<Record<LintCode, readonly [text: string, line: number | '-', without: string]>> = {
    'grants-root': ['[fs]\nread = ["/"]', 2, '[fs]\nread = ["/usr"]'],
    'grants-home': ['[fs]\nread = ["/home"]', 2, '[fs]\nread = ["/home/u/p"]'],
    'grants-credentials': [
      '[fs]\nread = ["/x", "~/.ssh"]',
      2,
      '[fs]\nread = ["~/.ssh"]\ndeny = ["~/.ssh/id_ed25519"]',
    ],
    'grants-startup': ['[fs]\nwrite = ["~/.config"]', 2, '[fs]\nwrite = ["~/.config/app"]'],
    'grants-service': ['[unix]\nconnect = ["/run"]', 2, '[unix]\nconnect = ["/run/app.sock"]'],
    'grants-network': ['[net]\nconnect = ["tcp:*"]', 2, '[net]\nconnect = ["tcp:443"]'],
    'write-exec': [
      '[fs]\nwrite = ["$project"]\nexec = ["/"]',
      2,
      '[fs]\nwrite = ["$project"]\nexec = ["/usr"]',
    ],
    'opens-scope': ['[process]\nsignal = "any"', 2, '[process]\nsignal = "domain"'],
    'opens-process': ['[process]\nio_uring = "allow"', '-', '[process]\nio_uring = "deny"'],
    'accepts-everything': ['[require]\ndegrade = ["landlock"]', '-', '[require]\ndegrade = ["net.udp"]'],
    'passes-environment': ['', '-', '[env]\nscrub = ["*TOKEN*"]'],
    'passes-secret': ['[env]\npass = ["AWS_*"]', '-', '[env]\npass = ["AWS_*"]\nscrub = ["*SECRET*"]'],
    'shadowed-rule': [
      '[fs]\nread = ["/usr"]\nexec = ["/usr"]\nlist = ["/usr/x"]',
      4,
      '[fs]\nread = ["/usr"]\nlist = ["/usr/x/y"]\ndeny = ["/usr/x"]',
    ],
    contradiction: [
      '[fs]\nread = ["/a"]\ndeny = ["/a"]',
      2,
      '[fs]\nread = ["/a"]\ndeny = [{ path = "/a", rights = ["write"] }]',
    ],
    'idle-denial': ['[fs]\nread = ["/a"]\ndeny = ["/b"]', 3, '[fs]\nread = ["/a"]\ndeny = ["/a/b"]'],
    'empty-layer': ['[fs]\ndeny = ["/a"]', 1, '[fs]\nread = ["/a"]'],
    'missing-truncate': [
      '[kernel.fs]\nwrite_file = ["/a"]',
      2,
      '[kernel.fs]\nwrite_file = ["/a/b"]\ntruncate = ["/a"]',
    ],
    'missing-refer': [
      '[fs]\ncreate = ["/a"]\ndelete = ["/a"]',
      2,
      '[fs]\ncreate = ["/a"]\ndelete = ["/a"]\nrefer = ["/a"]',
    ],
    'missing-read': ['[kernel.fs]\nexecute = ["/a"]', 2, '[fs]\nexec = ["/a"]'],
    'unused-variable': ['[vars]\na = "/x"', 2, '[vars]\na = "/x"\n[fs]\nread = ["$a"]'],
    'not-approved': ['', '-', ''],
  };
  for (const [code, [text, line, without]] of Object.entries(cases)) {
    if (code === 'not-approved') continue;
    it(code, async () => {
      assert.ok((await lints(text)).includes(`${code} ${line}`), (await lints(text)).join('\n'));
      assert.ok(
        !(await lints(without)).some((found) => found.startsWith(`${code} `)),
        (await lints(without)).join('\n'),
      );
    });
  }

  it('not-approved', async () => {
    const found = async (layer: 'grant' | 'limit') =>
      lintPolicy(
        await resolveInputs([{ name: 'f', text: '[env]\nset = { A = "b" }', layer }]),
        VARIABLES,
      ).filter(({ code }) => code === 'not-approved');
    assert.deepEqual(
      (await found('limit')).map(({ at }) => at?.line),
      [2],
    );
    assert.deepEqual(await found('grant'), []);
  });

  it('knows each code with its severity', async () => {
    for (const { severity, doc } of Object.values(LINTS))
      assert.ok((severity === 'warning' || severity === 'info') && doc);
    const [first] = lintPolicy(await resolveText('[fs]\nread = ["/"]'), VARIABLES).filter(
      ({ code }) => code === 'grants-root',
    );
    assert.equal(first?.severity, 'warning');
  });
});

describe('printing', () => {
  it('shows people what they would write', async () => {
    const policy = await resolveText(
      '[fs]\nwrite = [{ path = "~/x", because = "why" }]\ndeny = ["$project/**/.env*"]\n[net]\nconnect = ["tcp:443", "udp:loopback:53"]\n[limits]\nmemory = 4294967296\ntime = "900s"',
    );
    assert.equal(
      printPolicy(policy)[0]!.toml,
      '[fs]\nwrite = [{ path = "/home/u/x", because = "why" }]\ndeny = ["/home/u/p/**/.env*"]\n\n[net]\nconnect = ["tcp:443", "udp:loopback:53"]\n\n[limits]\nmemory = "4G"\ntime = "15m"\n',
    );
  });

  it('shows no character that a terminal obeys', async () => {
    const policy = await resolveText(
      '[fs]\nread = [{ path = "/a\\u001b\\\\[31m\\u202e\\u2028\\n", because = "\\u0007" }]',
    );
    const { toml } = printPolicy(policy)[0]!;
    assert.doesNotMatch(toml.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    const again = await resolveText(toml);
    assert.equal(canonicalJson(again), canonicalJson(policy));
  });
});

describe('the canonical form', () => {
  it('is the same for the same meaning and different for another', async () => {
    const digest = async (text: string) => canonicalJson(await resolveText(text));
    assert.equal(
      await digest('[fs]\nread = ["/a", "/b"]'),
      await digest('# x\n[fs]\nread = ["/b", "/a", "/a/"]\n[[test]]\nallow = "read /a"'),
    );
    assert.equal(
      await digest('[fs]\nmodify = ["/a"]'),
      await digest('[kernel.fs]\ntruncate = ["/a"]\n[fs]\nmodify = ["/a"]'),
    );
    assert.notEqual(
      await digest('[fs]\nread = ["/a"]'),
      await digest('[fs]\nread = [{ path = "/a", exact = true }]'),
    );
    assert.notEqual(await digest('[limits]\nprocs = 1'), await digest('[limits]\nprocs = 2'));
  });
});
