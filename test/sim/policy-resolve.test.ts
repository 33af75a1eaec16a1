/** Extends, presets, layers, settings: how texts become one policy. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import type { Policy } from '../../packages/landward/src/policy/policy.ts';
import { VERBS, verbNames } from '../../packages/landward/src/policy/verbs.ts';
import { errorsOf, resolveInputs, resolveText, shown } from '../kit/policy-text.ts';

const paths = (policy: Policy, layer = 0) =>
  policy.layers[layer]!.rules.map((rule) => (rule.kind === 'path' ? rule.pattern.path : rule.kind));
const verdict = (
  policy: Policy,
  path: string,
  right: 'fs.read_file' | 'fs.write_file' | 'fs.execute' = 'fs.read_file',
) => decideRules(policy.layers, { kind: 'path', path, rights: [right] }).verdict;

describe('extends', () => {
  it('takes presets and files, left to right, the extending text last', async () => {
    const world = {
      presets: { base: '[fs]\nread = ["/base"]', tls: { fs: { read: ['/tls'] } } },
      files: {
        '/home/u/p/common.toml': 'extends = ["@base", "sub/inner.json"]\n[fs]\nread = ["/common"]',
        '/home/u/p/sub/inner.json': '{"fs": {"read": ["/inner"]}}',
      },
    };
    const policy = await resolveText(
      'extends = ["@tls", "./common.toml", "@base"]\n[fs]\nread = ["/own"]',
      world,
    );
    assert.deepEqual(paths(policy), ['/tls', '/base', '/inner', '/common', '/own']);
    assert.deepEqual(policy.sources, [
      '@tls',
      '@base',
      '/home/u/p/sub/inner.json',
      '/home/u/p/common.toml',
      'policy.toml',
    ]);
    assert.deepEqual(policy.layers[0]!.rules[1]!.origin, {
      file: '@base',
      line: 2,
      column: 9,
      preset: '@base',
    });
    assert.equal(policy.layers[0]!.name, 'policy.toml');
  });

  it('shows variables to who extends, not the other way', async () => {
    const world = { presets: { base: '[vars]\ndir = "/base"\n[fs]\nread = ["$dir"]' } };
    const policy = await resolveText('extends = ["@base"]\n[fs]\nread = ["$dir/x"]', world);
    assert.deepEqual(paths(policy), ['/base', '/base/x']);
    const own = await resolveText(
      'extends = ["@base"]\n[vars]\ndir = "/own"\n[fs]\nread = ["$dir/x"]',
      world,
    );
    assert.deepEqual(paths(own), ['/base', '/own/x']);
  });

  it('refuses cycles, unknown names and files that are not given', async () => {
    const world = {
      files: { '/home/u/p/a.toml': 'extends = ["b.toml"]', '/home/u/p/b.toml': 'extends = ["a.toml"]' },
    };
    const cycle = await errorsOf(resolveText('extends = ["a.toml"]', world));
    assert.deepEqual(
      cycle.map(({ message }) => message),
      ['This policy extends itself: /home/u/p/a.toml -> /home/u/p/b.toml -> /home/u/p/a.toml'],
    );
    const missing = await errorsOf(
      resolveText('extends = ["@nope", "nope.toml", "$project/x/nope.toml"]', world),
    );
    assert.deepEqual(
      missing.map(({ code, message }) => [code, message]),
      [
        ['POLICY_NOT_FOUND', "There is no preset '@nope'"],
        ['POLICY_NOT_FOUND', "There is no policy file '/home/u/p/nope.toml'"],
        ['POLICY_NOT_FOUND', "There is no policy file '/home/u/p/x/nope.toml'"],
      ],
    );
    const relative = await errorsOf(resolveInputs([{ name: 'given', text: 'extends = ["a.toml"]' }], world));
    assert.match(relative[0]!.message, /A relative file name has no meaning here/);
  });

  it('refuses a chain that does not end', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [
        `/home/u/p/${index}.toml`,
        `extends = ["${index + 1}.toml"]`,
      ]),
    );
    const errors = await errorsOf(resolveText('extends = ["0.toml"]', { files }));
    assert.match(errors[0]!.message, /Policies extend each other at most 16 deep/);
  });

  it('reports the errors of extended texts in their own place', async () => {
    const errors = await errorsOf(
      resolveText('extends = ["@base"]', { presets: { base: '\n[fs]\nread = ["x"]' } }),
    );
    assert.deepEqual(
      errors.map((error) => [error.at?.file, shown(error)]),
      [['@base', "3:9 A path is absolute, 'x' is not"]],
    );
  });
});

describe('layers', () => {
  it('composes grants and layers limits', async () => {
    const policy = await resolveInputs([
      { name: 'a', text: '[fs]\nread = ["/a"]' },
      { name: 'b', text: '[fs]\nread = ["/b"]' },
      { name: 'l', text: 'layer = "limit"\n[fs]\nread = ["/b", "/c"]' },
    ]);
    assert.deepEqual(
      policy.layers.map(({ kind, name, categories }) => [kind, name, categories]),
      [
        ['grant', 'a + b', ['fs', 'net', 'unix', 'process']],
        ['limit', 'l', ['fs']],
      ],
    );
    assert.deepEqual(
      ['/a', '/b', '/c'].map((path) => verdict(policy, path)),
      ['deny', 'allow', 'deny'],
    );
  });

  it('lets a limit stand on presets, and a grant on a limit', async () => {
    const world = { presets: { base: '[fs]\nread = ["/usr"]', strict: 'layer = "limit"\n[net]' } };
    const policy = await resolveInputs(
      [
        {
          name: 'g',
          text: 'extends = ["@strict"]\n[fs]\nread = ["/usr", "/etc"]\n[net]\nconnect = ["tcp:443"]',
        },
        { name: 'l', text: 'layer = "limit"\nextends = ["@base"]\n[fs]\nread = ["/etc"]' },
      ],
      world,
    );
    assert.deepEqual(
      policy.layers.map(({ kind, name, categories }) => [kind, name, categories]),
      [
        ['grant', 'g', ['fs', 'net', 'unix', 'process']],
        ['limit', '@strict', ['net']],
        ['limit', 'l', ['fs']],
      ],
    );
    assert.equal(
      decideRules(policy.layers, { kind: 'net', right: 'net.connect_tcp', port: 443 }).verdict,
      'deny',
    );
    assert.equal(verdict(policy, '/etc/x'), 'allow');
    assert.equal(verdict(policy, '/usr/x'), 'allow');
  });

  it('denies everything without a grant', async () => {
    const policy = await resolveInputs([{ name: 'l', layer: 'limit', text: '[fs]\nread = ["/"]' }]);
    assert.deepEqual(
      policy.layers.map(({ kind }) => kind),
      ['grant', 'limit'],
    );
    assert.equal(verdict(policy, '/x'), 'deny');
    assert.equal((await resolveInputs([])).layers[0]!.rules.length, 0);
  });

  it('gives a forced limit its own project and takes its widening keys away, with a note', async () => {
    const text =
      '[fs]\nread = ["$project"]\n[env]\nset = { LD_PRELOAD = "/x" }\npass = ["PATH"]\n[require]\ndegrade = ["landlock"]\n[process]\nkeep_fds = [3]\nptrace = "allow"';
    const policy = await resolveInputs([
      { name: 'g', text: '[fs]\nread = ["$project"]' },
      { name: 'found', text, layer: 'limit', project: '/srv' },
    ]);
    assert.deepEqual([paths(policy, 0), paths(policy, 1)], [['/home/u/p'], ['/srv']]);
    assert.deepEqual(
      [policy.env.set, policy.env.pass, policy.require.degrade, policy.keepFds, policy.process.ptrace],
      [{}, ['PATH'], [], [], 'deny'],
    );
    assert.deepEqual(
      policy.notes?.map(({ code, at }) => [code, at.line]),
      [
        ['not-approved', 4],
        ['not-approved', 7],
        ['not-approved', 9],
      ],
    );
  });

  it('lets no limit make directories, and no forced one silence its denials', async () => {
    const text = '[fs]\nread = [{ path = "/a", missing = "create", quiet = true }]';
    const own = await resolveInputs([{ name: 'l', text: `layer = "limit"\n${text}` }]);
    const forced = await resolveInputs([{ name: 'l', text, layer: 'limit' }]);
    const summary = ({ layers }: Policy) =>
      layers[1]!.rules.map((rule) => rule.kind === 'path' && [rule.missing, rule.quiet]);
    assert.deepEqual([summary(own), summary(forced)], [[['optional', true]], [['optional', undefined]]]);
  });

  it('refuses widening keys in a text that calls itself a limit', async () => {
    const errors = await errorsOf(
      resolveText(
        'layer = "limit"\n[env]\nset = { A = "b" }\n[require]\ndegrade = ["net.udp"]\n[process]\nkeep_fds = [3]',
      ),
    );
    assert.deepEqual(
      errors.map(({ message }) => message),
      [
        "A limit only narrows, 'env.set' widens",
        "A limit only narrows, 'require.degrade' widens",
        "A limit only narrows, 'process.keep_fds' widens",
      ],
    );
  });
});

describe('settings', () => {
  it('have defaults that deny', async () => {
    const { process, env, limits, require, keepFds, log } = await resolveText('');
    assert.deepEqual(
      { process, env, limits, require, keepFds, log },
      {
        process: {
          ioUring: 'deny',
          ptrace: 'deny',
          namespaces: 'deny',
          terminalInjection: 'deny',
          syscalls: [],
        },
        env: { pass: null, scrub: [], set: {} },
        limits: {},
        require: { degrade: [] },
        keepFds: [],
        log: { sameExec: true, newExec: true, subdomains: true },
      },
    );
  });

  it('take the stricter of two texts', async () => {
    const policy = await resolveInputs([
      {
        name: 'a',
        text: '[process]\nptrace = "allow"\nio_uring = "allow"\nsyscalls = ["bpf"]\n[limits]\nprocs = 9\nmemory = "1G"\n[env]\npass = ["A"]\n[require]\nabi = 4\n[net]\nsubject = "socket"',
      },
      {
        name: 'b',
        text: '[process]\nptrace = "deny"\nsyscalls = ["add_key"]\n[limits]\nprocs = 7\nmemory = "2G"\ntime = "1m"\ncpu = "2m"\n[env]\npass = ["B"]\nscrub = ["A"]\n[require]\nabi = 6\ndegrade = ["net.udp"]\n[net]\nsubject = "caller"',
      },
      { name: 'c', layer: 'limit', text: '[limits]\nprocs = 8\nfiles = 20\n[require]\nabi = 5' },
    ]);
    assert.deepEqual(policy.process, {
      ioUring: 'allow',
      ptrace: 'deny',
      namespaces: 'deny',
      terminalInjection: 'deny',
      syscalls: ['add_key', 'bpf'],
    });
    assert.deepEqual(policy.limits, {
      procs: 7,
      memoryBytes: 2 ** 30,
      cpuSeconds: 120,
      files: 20,
      timeMs: 60_000,
    });
    assert.deepEqual(policy.env, { pass: ['A', 'B'], scrub: ['A'], set: {} });
    assert.deepEqual(policy.require, { abi: 6, degrade: ['net.udp'] });
    assert.equal(policy.layers[0]?.sockets?.subject, 'both');
  });

  it('lose what a limit does not pass', async () => {
    const policy = await resolveInputs([
      { name: 'a', text: '[env]\npass = ["PATH", "AWS_*"]\nset = { CI = "1", AWS_X = "2" }' },
      { name: 'b', layer: 'limit', text: '[env]\npass = ["PATH", "CI"]' },
    ]);
    assert.deepEqual(policy.env, { pass: ['PATH'], scrub: [], set: { CI: '1' } });
  });

  it('of a limit that speaks about processes take its silence as denial', async () => {
    const policy = await resolveInputs([
      { name: 'a', text: '[process]\nptrace = "allow"\nnamespaces = "allow"\nsignal = "any"' },
      { name: 'b', layer: 'limit', text: '[process]\nnamespaces = "allow"' },
    ]);
    assert.deepEqual([policy.process.ptrace, policy.process.namespaces], ['deny', 'allow']);
    assert.equal(decideRules(policy.layers, { kind: 'scope', scope: 'scope.signal' }).verdict, 'deny');
  });
});

describe('rules', () => {
  it('carry their annotations', async () => {
    const policy = await resolveText(
      '[fs]\nread = [{ path = ["/a", "/b"], because = "x", optional = true, enforce = "kernel", quiet = true, exact = true }]\nwrite = [{ path = "/c", missing = "create" }]\ndeny = [{ path = "/d", expand = true, rights = ["write", "fs.read_file", "meta.write"] }]',
    );
    const { origin, ...first } = policy.layers[0]!.rules[0]!;
    assert.deepEqual(origin, { file: 'policy.toml', line: 2, column: 19 });
    assert.deepEqual(first, {
      kind: 'path',
      verdict: 'allow',
      pattern: { kind: 'exact', path: '/a' },
      rights: ['fs.read_file', 'fs.read_dir', 'meta.stat', 'meta.list'],
      missing: 'optional',
      enforce: 'kernel',
      quiet: true,
      because: 'x',
    });
    const [, second, third, fourth] = policy.layers[0]!.rules;
    assert.ok(second?.kind === 'path' && third?.kind === 'path' && fourth?.kind === 'path');
    assert.equal(second.pattern.path, '/b');
    assert.equal(third.missing, 'create');
    assert.equal(fourth.missing, 'optional');
    assert.equal(fourth.expand, true);
    assert.ok(
      fourth.rights.includes('fs.read_file') &&
        fourth.rights.includes('meta.write') &&
        !fourth.rights.includes('fs.execute'),
    );
  });

  it('refuse annotations that contradict', async () => {
    const errors = await errorsOf(
      resolveText(
        '[fs]\nread = [{ path = "/a", missing = "optional", optional = false }]\ndeny = [{ path = "/b", missing = "create" }]\nwrite = [{ path = "/c*", missing = "create" }, { path = "/d/**", exact = true }]',
      ),
    );
    assert.deepEqual(
      errors.map(({ message }) => message),
      [
        "The keys 'missing' and 'optional' say the same thing",
        'Only a grant creates what is missing',
        'A glob names no directory to create',
        "'/d/**' means everything below, exact means nothing below",
      ],
    );
  });

  it('of [kernel] grant one right each', async () => {
    const policy = await resolveText(
      '[kernel.fs]\nmake_char = ["/dev"]\n[kernel.net]\nbind_udp = ["53", "example.com:54"]\n[kernel.scope]\nsignal = "any"',
    );
    assert.deepEqual(
      policy.layers[0]!.rules.map((rule) =>
        rule.kind === 'path'
          ? rule.rights
          : rule.kind === 'net'
            ? [rule.right, rule.ports.first]
            : rule.kind === 'scope'
              ? [rule.scope, rule.verdict]
              : [],
      ),
      [['fs.make_char'], ['net.bind_udp', 53], ['net.bind_udp', 54], ['scope.signal', 'allow']],
    );
  });

  it('bound their number', async () => {
    const list = Array.from({ length: 330 }, (_, index) => `"${index}"`).join();
    const errors = await errorsOf(
      resolveText(
        `[vars]\na = [${list}]\n[fs]\nread = [${Array.from({ length: 400 }, (_, index) => `"/${index}/$a"`).join()}]`,
      ),
    );
    assert.match(errors[0]!.message, /A policy has at most 100000 rules/);
  });
});

describe('verbs', () => {
  it('never deny more than everything, and grant what they deny', () => {
    for (const verb of verbNames) {
      const grants: readonly string[] = VERBS[verb].grants;
      const devices = ['fs.make_char', 'fs.make_block'];
      for (const right of VERBS[verb].denies)
        assert.ok(grants.includes(right) || devices.includes(right), `${verb} ${right}`);
    }
  });

  it('decide as their names say', async () => {
    const policy = await resolveText(
      '[fs]\nread = ["/r"]\nwrite = ["/w"]\nexec = ["/x"]\ndeny = [{ path = "/w/fixed", rights = ["write"] }]',
    );
    const row = (path: string) =>
      (['fs.read_file', 'fs.write_file', 'fs.execute'] as const).map((right) => verdict(policy, path, right));
    assert.deepEqual(row('/r/f'), ['allow', 'deny', 'deny']);
    assert.deepEqual(row('/w/f'), ['allow', 'allow', 'deny']);
    assert.deepEqual(row('/x/f'), ['allow', 'deny', 'allow']);
    assert.deepEqual(row('/w/fixed/f'), ['allow', 'deny', 'deny']);
  });

  it('open what a hidden tree hides', async () => {
    const policy = await resolveText('[fs]\nhide = ["~"]\nread = ["~/p"]');
    const stat = (path: string) =>
      decideRules(policy.layers, { kind: 'path', path, rights: ['meta.stat'] }).verdict;
    assert.deepEqual([stat('/home/u/x'), stat('/home/u/p/x')], ['hide', 'allow']);
  });
});
