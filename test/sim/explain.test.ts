/** Explanations: reason, layer, line, the smallest change and what it would open, for denials of every kind of object. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DenialGroups } from '../../packages/landward/src/audit/explain/explain.ts';
import type { Explanation } from '../../packages/landward/src/audit/explain/explanation.ts';
import { toGithub, toSarif } from '../../packages/landward/src/audit/explain/reports.ts';
import { looksSecret, weighty } from '../../packages/landward/src/audit/explain/secrets.ts';
import type { SuggestionHost } from '../../packages/landward/src/audit/explain/suggest.ts';
import { explanationLines } from '../../packages/landward/src/audit/explain/words.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { resolveInputs } from '../kit/policy-text.ts';

const FILES: Readonly<Record<string, readonly string[] | null>> = {
  '/': ['home', 'srv', 'etc'],
  '/home': ['me'],
  '/home/me': ['.ssh', 'p', 'notes.txt'],
  '/home/me/.ssh': ['id_ed25519'],
  '/home/me/.ssh/id_ed25519': null,
  '/home/me/notes.txt': null,
  '/home/me/p': ['a.txt', '.env', 'server.key', 'dist'],
  '/home/me/p/a.txt': null,
  '/home/me/p/.env': null,
  '/home/me/p/server.key': null,
  '/home/me/p/dist': [],
  '/srv': ['data'],
  '/srv/data': null,
  '/etc': [],
};

const host: SuggestionHost = {
  home: '/home/me',
  type: (path) => (!(path in FILES) ? null : FILES[path] === null ? 'file' : 'directory'),
  list: (path) => FILES[path] ?? null,
};

async function layers(text: string, limit?: string): Promise<readonly RuleLayer[]> {
  const directory = '/home/me/p';
  const inputs = [
    { name: 'landward.toml', text, directory },
    ...(limit === undefined ? [] : [{ name: 'limit.toml', text: limit, directory }]),
  ];
  const policy = await resolveInputs(inputs, { variables: { home: '/home/me', project: directory } });
  return policy.layers;
}

function denial(more: Partial<DenialEvent> & Pick<DenialEvent, 'object' | 'missing'>): DenialEvent {
  return {
    source: 'supervisor',
    effect: 'denied',
    time: 1_700_000_000_000,
    operation: 'openat',
    errno: 13,
    process: { pid: 42, comm: 'cat', exe: '/usr/bin/cat', uid: 1000 },
    ...more,
  };
}

function explain(rules: readonly RuleLayer[] | null, ...events: DenialEvent[]): Explanation[] {
  const groups = new DenialGroups();
  for (const event of events) groups.add(event);
  return groups.explain(() => rules, host);
}

test('what no rule grants is explained by the layer, and the smallest change is the object itself', async () => {
  const rules = await layers('[fs]\nread = ["$project"]\n');
  const event = denial({ object: { kind: 'path', path: '/srv/data' }, missing: ['fs.read_file'] });
  const [one] = explain(rules, event, event, { ...event, time: event.time + 5 });
  assert.equal(one!.reason, 'not-granted');
  assert.equal(one!.count, 3);
  assert.equal(one!.last - one!.first, 5);
  const [change] = one!.suggestions;
  assert.deepEqual(
    [change!.kind, change!.section, change!.key, change!.value, change!.suffices, change!.file],
    ['add', 'fs', 'read', '/srv/data', true, 'landward.toml'],
  );
  assert.equal(change!.alsoOpens.count, 0);
  assert.match(explanationLines(one!).join('\n'), /cat was not allowed to read "\/srv\/data" \(3 times\)/);
});

test('a rule that says no is named with its line and reason, and is not overridden by the way', async () => {
  const rules = await layers(
    '[fs]\nread = ["$project"]\ndeny = [{ path = "$project/.env", because = "secrets stay out" }]\n',
  );
  const [one] = explain(
    rules,
    denial({ object: { kind: 'path', path: '/home/me/p/.env' }, missing: ['fs.read_file'] }),
  );
  assert.equal(one!.reason, 'rule-denies');
  assert.deepEqual([one!.layers[0]!.rule!.file, one!.layers[0]!.rule!.line], ['landward.toml', 3]);
  assert.equal(one!.layers[0]!.because, 'secrets stay out');
  assert.equal(one!.suggestions[0]!.kind, 'remove');
  assert.ok(one!.suggestions[0]!.weighty);
});

test('a covering rule that lacks the right gets one that gives it, and counts what else that opens', async () => {
  const rules = await layers('[fs]\nlist = ["$project"]\n');
  const [one] = explain(
    rules,
    denial({ object: { kind: 'path', path: '/home/me/p' }, missing: ['fs.make_reg'], source: 'audit' }),
  );
  assert.equal(one!.reason, 'rule-lacks-right');
  const [change] = one!.suggestions;
  assert.deepEqual([change!.key, change!.value, change!.suffices], ['create', '/home/me/p', true]);
  const [write] = explain(
    rules,
    denial({ object: { kind: 'path', path: '/home/me/p/new' }, missing: ['fs.make_reg', 'fs.write_file'] }),
  );
  assert.deepEqual([write!.suggestions[0]!.key, write!.suggestions[0]!.value], ['write', '/home/me/p']);
  const { count, secret, samples } = write!.suggestions[0]!.alsoOpens;
  assert.deepEqual([count, secret], [3, 2]);
  assert.ok(samples.slice(0, 2).every(looksSecret), 'secrets are shown first');
});

test('every layer that refuses is told, and a change that mends one alone says so', async () => {
  const rules = await layers('[fs]\nread = ["$project"]\n', 'layer = "limit"\n[fs]\nread = ["/usr"]\n');
  const [one] = explain(
    rules,
    denial({ object: { kind: 'path', path: '/srv/data' }, missing: ['fs.read_file'] }),
  );
  assert.equal(one!.layers.length, 2);
  assert.deepEqual(
    one!.suggestions.map(({ layer, value }) => [layer, value]),
    [
      [0, '/srv/data'],
      [1, '/srv/data'],
    ],
  );
  assert.ok(
    one!.suggestions.every(({ suffices }) => suffices),
    'both together suffice',
  );
});

test('hosts, sockets, signals and what no policy can allow', async () => {
  const rules = await layers(
    '[fs]\nread = ["$project"]\n[net]\nconnect = ["tcp:80"]\n[unix]\nconnect = []\n[process]\nsignal = "domain"\n',
  );
  const [net] = explain(
    rules,
    denial({
      object: { kind: 'net', protocol: 'tcp', address: '192.0.2.1', port: 443, name: 'api.example.com' },
      missing: ['net.connect_tcp'],
    }),
  );
  assert.deepEqual(
    [net!.suggestions[0]!.key, net!.suggestions[0]!.value, net!.suggestions[0]!.suffices],
    ['connect', 'tcp:api.example.com:443', true],
  );
  const [unix] = explain(
    rules,
    denial({ object: { kind: 'unix', path: '/var/run/docker.sock' }, missing: ['unix.connect'] }),
  );
  assert.equal(unix!.suggestions[0]!.value, '/var/run/docker.sock');
  assert.match(unix!.suggestions[0]!.weighty!, /outside of the sandbox/);
  const [signal] = explain(
    rules,
    denial({ object: { kind: 'task', pid: 7, comm: 'sshd' }, missing: ['scope.signal'] }),
  );
  assert.deepEqual([signal!.suggestions[0]!.section, signal!.suggestions[0]!.value], ['process', 'any']);
  assert.ok(signal!.suggestions[0]!.weighty);
  const [trace] = explain(
    rules,
    denial({ object: { kind: 'task', pid: 7, comm: 'x' }, missing: ['ptrace'] }),
  );
  assert.equal(trace!.reason, 'always-denied');
  assert.deepEqual(trace!.suggestions, []);
});

test('what the policy allows was denied by another domain, and an unknown policy is said to be unknown', async () => {
  const rules = await layers('[fs]\nread = ["/srv"]\n');
  const event = denial({ object: { kind: 'path', path: '/srv/data' }, missing: ['fs.read_file'] });
  assert.equal(explain(rules, event)[0]!.reason, 'not-this-policy');
  assert.equal(explain(null, event)[0]!.reason, 'policy-unknown');
});

test('a name that was looked up in vain is explained, with a port that stands for the unknown one', async () => {
  const rules = await layers('[net]\nconnect = ["tcp:a.example:443"]\n');
  const looked = (object: { readonly name: string; readonly address?: string }) =>
    explain(
      rules,
      denial({ object: { kind: 'net', ...object }, missing: ['net.connect_tcp'], errno: 2 }),
    )[0]!;
  const unknown = looked({ name: 'b.example' });
  assert.equal(unknown.reason, 'not-granted');
  assert.deepEqual(
    unknown.suggestions.map(({ value, suffices }) => [value, suffices]),
    [['tcp:b.example:443', true]],
  );
  assert.match(explanationLines(unknown).join('\n'), /a lookup does not tell the port: 443 stands for it/);
  // An answer that was not believed needs the address.
  assert.deepEqual(
    looked({ name: 'a.example', address: '10.0.0.1' }).suggestions.map(({ value }) => value),
    ['tcp:10.0.0.1:443'],
  );
});

test('what no rule can speak of is not called an unknown policy', async () => {
  const rules = await layers('[fs]\nread = ["/srv"]\n');
  const [one] = explain(rules, denial({ object: { kind: 'none' }, missing: ['fs.something_new'] }));
  assert.equal(one!.reason, 'not-expressible');
  assert.ok(!explanationLines(one!).join().includes('not known'));
});

test('a hostile name forges no line, no annotation and no terminal sequence', async () => {
  const path = '/srv/\u001b[2Jx\n::error::forged\r,file=a:b%';
  const rules = await layers('[fs]\nread = ["$project"]\n');
  const found = explain(
    rules,
    denial({
      object: { kind: 'path', path },
      missing: ['fs.read_file'],
      process: { pid: 1, comm: '\u001b]0;x\u0007\n::error::y' },
    }),
  );
  for (const line of explanationLines(found[0]!)) assert.doesNotMatch(line, /[\p{Cc}]/u);
  const annotations = toGithub(found);
  assert.equal(annotations.trimEnd().split('\n').length, 1);
  assert.ok(!annotations.slice(2).includes('\n::') && !annotations.includes('\u001b'));
  const sarif = JSON.parse(
    JSON.stringify(toSarif(found, '0'), (_, value) => (typeof value === 'bigint' ? String(value) : value)),
  );
  assert.equal(sarif.runs[0].results[0].ruleId, 'not-granted');
});

test('weighty grants are named', () => {
  assert.ok(weighty('/', '/home/me'));
  assert.ok(weighty('/home/me', '/home/me'));
  assert.ok(weighty('/home', '/home/me'));
  assert.ok(weighty('/home/me/.ssh', '/home/me'));
  assert.ok(weighty('/run/docker.sock', '/home/me'));
  assert.equal(weighty('/home/me/p/src', '/home/me'), undefined);
  assert.ok(looksSecret('/home/me/.aws/credentials'));
  assert.ok(!looksSecret('/home/me/p/keyboard.ts'));
});
