/** Deciding on landward's rules: the precedence rule, layers, hosts, moves; examples and properties with a plain twin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../packages/landward/src/model/addresses.ts';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import { explainRules } from '../../packages/landward/src/model/rules/explain.ts';
import type {
  HostPattern,
  NetRule,
  PathRule,
  Request,
  Rule,
  UnixRule,
  Verdict,
} from '../../packages/landward/src/model/rules.ts';
import { base, cidr, layer, net, path, read, verdictOf, WRITE } from '../kit/rules.ts';

test('the rule that pins more wins', () => {
  const rules = [
    path('ask', '/h/**'),
    path('hide', '/h/.ssh', []),
    path('allow', '/h/.ssh/config'),
    path('deny', '/h/**/.env*', []),
  ];
  const expected = {
    '/h/x': 'ask',
    '/h/.ssh': 'hide',
    '/h/.ssh/id': 'hide',
    '/h/.ssh/config': 'allow',
    '/h/a/.env.d/x': 'deny',
    '/etc': 'deny',
  };
  for (const [target, verdict] of Object.entries(expected)) {
    assert.equal(verdictOf(rules, read(target)), verdict, target);
  }
});

test('a tie takes the stricter verdict, and a literal beats a glob of equal depth', () => {
  assert.equal(verdictOf([path('allow', '/a'), path('deny', '/a')], read('/a/b')), 'deny');
  assert.equal(verdictOf([path('allow', '/a/**'), path('deny', '/a')], read('/a/b')), 'deny');
  assert.equal(verdictOf([path('deny', '/a/**'), path('allow', '/a')], read('/a/b')), 'deny');
  assert.equal(
    verdictOf([path('deny', '/a/.e*'), path('allow', '/a/.env', undefined, true)], read('/a/.env')),
    'allow',
  );
  assert.equal(verdictOf([path('allow', '/a', undefined, true), path('deny', '/a')], read('/a')), 'deny');
});

test('each right is decided by the rules that speak about it', () => {
  const rules = [
    path('allow', '/p', ['fs.read_file', 'fs.write_file']),
    path('deny', '/p/q', ['fs.write_file']),
  ];
  assert.equal(verdictOf(rules, read('/p/q/f')), 'allow');
  const both = decideRules([layer(rules)], {
    kind: 'path',
    path: '/p/q/f',
    rights: ['fs.write_file', 'fs.read_file'],
  });
  assert.equal(both.verdict, 'deny');
  assert.equal(both.errno, 13);
  assert.deepEqual(both.blame.missing, ['fs.write_file']);
  assert.equal(both.blame.rule, rules[1]);
});

test('a granted tree gives the right to make and remove below its root, not the root', () => {
  const rules = [path('allow', '/p', ['fs.make_reg', 'fs.remove_dir']), path('deny', '/p/no', [])];
  const asks = (target: string, right: 'fs.make_reg' | 'fs.remove_dir') =>
    verdictOf(rules, { kind: 'path', path: target, rights: [right] });
  assert.equal(asks('/p/x', 'fs.make_reg'), 'allow');
  assert.equal(asks('/p', 'fs.remove_dir'), 'deny');
  assert.equal(asks('/p/no', 'fs.remove_dir'), 'deny');
  const glob = [path('allow', '/p/**', ['fs.make_reg']), path('allow', '/q/*.o', ['fs.make_reg'])];
  assert.equal(verdictOf(glob, { kind: 'path', path: '/p', rights: ['fs.make_reg'] }), 'deny');
  assert.equal(verdictOf(glob, { kind: 'path', path: '/q/a.o', rights: ['fs.make_reg'] }), 'allow');
});

test('metadata is free where no rule speaks about it', () => {
  const stat = (target: string): Request => ({ kind: 'path', path: target, rights: ['meta.stat'] });
  const rules = [path('allow', '/p'), path('hide', '/p/s', []), path('allow', '/p/s/t', ['meta.stat'])];
  assert.equal(verdictOf(rules, stat('/elsewhere')), 'allow');
  const hidden = decideRules([layer(rules)], stat('/p/s/x'));
  assert.deepEqual([hidden.verdict, hidden.errno], ['hide', 2]);
  assert.equal(verdictOf(rules, stat('/p/s/t')), 'allow');
});

test('layers intersect, the youngest of the strictest is blamed, a hidden path looks absent', () => {
  const grant = layer([path('allow', '/'), path('hide', '/s', [])]);
  const limit = layer([path('allow', '/p')], 'limit', ['fs']);
  assert.equal(decideRules([grant, limit], read('/p/x')).verdict, 'allow');
  const both = decideRules([grant, limit], read('/s/x'));
  assert.deepEqual([both.verdict, both.blame.layer, both.errno], ['deny', 1, 2]);
  const untouched = decideRules([grant, limit], { kind: 'scope', scope: 'scope.signal' });
  assert.deepEqual([untouched.layers.length, untouched.errno], [1, 1]);
  const tie = decideRules([layer([]), layer([])], read('/x'));
  assert.equal(tie.blame.layer, 1);
  assert.equal(decideRules([], read('/x')).blame.layer, -1);
});

test('a name opens no address that a rule about addresses closes', () => {
  const name: HostPattern = { kind: 'name', name: 'api.example.com' };
  const rules = [
    net('deny', { kind: 'any' }),
    net('allow', name),
    net('deny', { kind: 'class', name: 'link-local' }),
    net('deny', { kind: 'class', name: 'private' }),
    net('deny', cidr('192.0.2.0', 24)),
    net('allow', cidr('10.1.0.0', 16)),
  ];
  const ask = (address: string | undefined, host = 'api.example.com', more: NetRule[] = []) =>
    verdictOf([...rules, ...more], {
      kind: 'net',
      right: 'net.connect_tcp',
      port: 443,
      ...(address === undefined ? {} : { address }),
      name: host,
    });
  assert.equal(ask('198.51.100.1'), 'allow');
  assert.equal(ask('198.51.100.1', 'other.example.com'), 'deny');
  assert.equal(ask(undefined), 'allow');
  for (const closed of ['169.254.169.254', 'fe80::1', '10.9.9.9', '192.0.2.9', '::ffff:192.0.2.9'])
    assert.equal(ask(closed), 'deny', closed);
  assert.equal(ask('10.1.2.3'), 'allow');
  // To close every address is to say nothing about one.
  assert.equal(ask('198.51.100.1', 'api.example.com', [net('deny', cidr('0.0.0.0', 0))]), 'allow');
  assert.equal(ask('2001:db8::1', 'api.example.com', [net('deny', cidr('::', 0))]), 'allow');
});

test('hosts pin more than ports, and addresses are told by where they end', () => {
  const name: HostPattern = { kind: 'name', name: 'api.example.com' };
  const rules = [
    net('allow', { kind: 'any' }, [443, 443]),
    net('deny', { kind: 'class', name: 'loopback' }),
    net('deny', { kind: 'class', name: 'private' }),
    net('allow', cidr('10.1.0.0', 16)),
    net('deny', cidr('10.1.2.3', 32)),
    net('allow', name, [8443, 8443]),
    net('deny', { kind: 'name', name: '*.evil.example' }),
  ];
  const ask = (address: string | undefined, port = 443, host?: string) =>
    verdictOf(rules, {
      kind: 'net',
      right: 'net.connect_tcp',
      port,
      ...(address === undefined ? {} : { address }),
      ...(host === undefined ? {} : { name: host }),
    });
  assert.equal(ask('192.0.2.1'), 'allow');
  assert.equal(ask('192.0.2.1', 80), 'deny');
  assert.equal(ask('10.9.9.9'), 'deny');
  assert.equal(ask('10.1.9.9', 5), 'allow');
  assert.equal(ask('10.1.2.3'), 'deny');
  for (const here of [
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '0.0.0.0',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:0.0.0.0',
  ]) {
    assert.equal(ask(here), 'deny', here);
  }
  assert.equal(ask(undefined, 443, 'LOCALHOST.'), 'deny');
  assert.equal(ask('192.0.2.7', 8443, 'API.example.com.'), 'allow');
  assert.equal(ask('192.0.2.7', 8443, 'xapi.example.com'), 'deny');
  assert.equal(ask('192.0.2.7', 443, 'a.b.evil.example'), 'deny');
  assert.equal(ask('192.0.2.7', 443, 'evil.example'), 'allow');
  assert.throws(() => ask('not an address'));
});

test('a prefix of one family says nothing about the other', () => {
  const ask = (rules: readonly Rule[], address: string) =>
    verdictOf(rules, { kind: 'net', right: 'net.connect_tcp', port: 443, address });
  const six = [net('allow', cidr('::', 0))];
  assert.deepEqual(
    [ask(six, '2001:db8::1'), ask(six, '192.0.2.1'), ask(six, '::ffff:192.0.2.1')],
    ['allow', 'deny', 'deny'],
  );
  const four = [net('allow', cidr('0.0.0.0', 0))];
  assert.deepEqual(
    [ask(four, '2001:db8::1'), ask(four, '192.0.2.1'), ask(four, '::ffff:192.0.2.1')],
    ['deny', 'allow', 'allow'],
  );
  const mapped = [net('allow', cidr('::ffff:10.0.0.0', 104))];
  assert.deepEqual([ask(mapped, '10.9.9.9'), ask(mapped, '11.0.0.0')], ['allow', 'deny']);
  assert.throws(() => ask([net('allow', cidr('10.0.0.0', 33))], '10.0.0.0'));
  assert.throws(() => ask([net('allow', cidr('010.0.0.0', 8))], '10.0.0.0'));
});

test('addresses are read as the kernel reads them', () => {
  const cases: [string, string | null][] = [
    ['1:2:3:4:5:6:7:8', '10002000300040005000600070008'],
    ['1::8', '10000000000000000000000000008'],
    ['::1.2.3.4', '1020304'],
    ['::ffff:1.2.3.4', 'ffff01020304'],
    ['1.2.3.4', 'ffff01020304'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['1::2::3', null],
    ['1:2:3:4:5:6:7', null],
    ['1:2:3:4:5:6:7:8:9', null],
    ['::1.2.3', null],
    ['1.2.3', null],
    ['1.2.3.256', null],
    ['1.2.3.04', null],
    [':1', null],
    ['g::', null],
    ['', null],
  ];
  for (const [text, bits] of cases) assert.equal(parseAddress(text)?.bits.toString(16) ?? null, bits, text);
});

test('binding every address needs every address', () => {
  const bind = (verdict: Verdict, host: HostPattern): NetRule => ({
    ...net(verdict, host),
    right: 'net.bind_tcp',
  });
  const ask = (rules: readonly Rule[], address: string) =>
    verdictOf(rules, { kind: 'net', right: 'net.bind_tcp', port: 80, address });
  const rules = [bind('allow', { kind: 'any' }), bind('deny', cidr('10.0.0.0', 8))];
  assert.equal(ask(rules, '0.0.0.0'), 'deny');
  assert.equal(ask(rules, '::'), 'deny');
  assert.equal(ask(rules, '127.0.0.1'), 'allow');
  assert.equal(ask([bind('allow', { kind: 'any' }), bind('deny', cidr('fc00::', 7))], '0.0.0.0'), 'allow');
  assert.equal(ask([bind('allow', { kind: 'class', name: 'loopback' })], '0.0.0.0'), 'deny');
});

test('UNIX sockets go by path or abstract name', () => {
  const unix = (verdict: Verdict, target: UnixRule['target']): UnixRule => ({
    ...base(),
    kind: 'unix',
    operation: 'connect',
    verdict,
    target,
  });
  const rules = [
    unix('allow', { kind: 'path', pattern: { kind: 'subtree', path: '/run' } }),
    unix('deny', { kind: 'path', pattern: { kind: 'exact', path: '/run/docker.sock' } }),
    unix('allow', { kind: 'abstract', glob: 'app-*' }),
    unix('deny', { kind: 'abstract', glob: 'app-root' }),
  ];
  const at = (socket: string) =>
    decideRules([layer(rules)], { kind: 'unix', operation: 'connect', path: socket });
  const named = (abstract: string) =>
    decideRules([layer(rules)], { kind: 'unix', operation: 'connect', abstract });
  assert.equal(at('/run/x').verdict, 'allow');
  assert.deepEqual([at('/run/docker.sock').verdict, at('/run/docker.sock').errno], ['deny', 13]);
  assert.equal(named('app-1').verdict, 'allow');
  assert.deepEqual([named('app-root').verdict, named('app-root').errno], ['deny', 1]);
  assert.equal(
    decideRules([layer(rules)], { kind: 'unix', operation: 'bind', path: '/run/x' }).verdict,
    'deny',
  );
});

test('the scope of abstract sockets speaks about connecting to each, and a name wins over it', () => {
  const scope = (verdict: Verdict): Rule => ({
    ...base(),
    kind: 'scope',
    scope: 'scope.abstract_unix_socket',
    verdict,
  });
  const connect = (verdict: Verdict, glob: string): Rule => ({
    ...base(),
    kind: 'unix',
    operation: 'connect',
    verdict,
    target: { kind: 'abstract', glob },
  });
  const ask = (rules: Rule[], abstract = 'x', operation: 'connect' | 'bind' = 'connect') =>
    decideRules([layer(rules)], { kind: 'unix', operation, abstract }).verdict;
  assert.equal(ask([]), 'deny');
  assert.equal(ask([scope('allow')]), 'allow');
  assert.equal(ask([scope('allow'), connect('deny', 'x')]), 'deny');
  assert.equal(ask([scope('allow'), connect('deny', 'x')], 'y'), 'allow');
  assert.equal(ask([scope('deny'), connect('allow', '*')]), 'allow');
  assert.equal(ask([scope('deny'), scope('allow')]), 'deny', 'on a tie the stricter wins');
  assert.equal(ask([scope('allow')], 'x', 'bind'), 'deny', 'the scope says nothing about binding');
  const path = { kind: 'unix', operation: 'connect', path: '/run/x' } as const;
  assert.equal(decideRules([layer([scope('allow')])], path).verdict, 'deny');
});

const move = (
  from: string,
  to: string,
  more: Partial<Extract<Request, { kind: 'refer' }>> = {},
): Request => ({
  kind: 'refer',
  operation: 'rename',
  from,
  to,
  ...more,
});

test('no move or link frees what is denied', () => {
  const rules = [
    path('allow', '/p', WRITE),
    path('deny', '/p/d/secret', []),
    path('deny', '/p/**/.env*', []),
    path('deny', '/p/ro', ['fs.write_file']),
  ];
  const ask = (request: Request) => {
    const { verdict, errno } = decideRules([layer(rules)], request);
    return verdict === 'allow' ? 'allow' : `${verdict} ${errno}`;
  };
  assert.equal(ask(move('/p/a', '/p/b')), 'allow');
  assert.equal(ask(move('/p/a', '/p/x/b')), 'allow');
  assert.equal(ask(move('/p/.env', '/p/env')), 'deny 13');
  assert.equal(ask(move('/p/.env', '/p/env', { operation: 'link' })), 'deny 18');
  assert.equal(ask(move('/p/d/secret/k', '/p/k')), 'deny 13');
  assert.equal(ask(move('/p/ro/f', '/p/f')), 'deny 18');
  assert.equal(ask(move('/p/f', '/p/ro/f')), 'allow');
  assert.equal(ask(move('/p/d', '/p/e', { directory: true })), 'deny 18');
  assert.equal(ask(move('/p', '/q', { directory: true })), 'deny 13');
  assert.equal(ask(move('/p/x', '/p/y/x', { directory: true })), 'allow');
  assert.equal(ask(move('/p/x', '/p/d', { directory: true, operation: 'exchange' })), 'deny 18');
  assert.equal(ask(move('/p/a', '/outside')), 'deny 13');
  assert.equal(ask(move('/p/a', '/p/b', { replaces: true })), 'allow');
});

test('what may be a directory moves only where a directory could', () => {
  const rules = [
    path('allow', '/p', WRITE),
    path('deny', '/p/d/secret', []),
    path('deny', '/p/x/**/.env', []),
  ];
  const ask = (from: string, more: Partial<Extract<Request, { kind: 'refer' }>>) =>
    verdictOf(rules, move(from, '/p/e', more));
  for (const from of ['/p/d', '/p/x/y']) {
    assert.equal(ask(from, {}), 'deny');
    assert.equal(ask(from, { directory: true }), 'deny');
    assert.equal(ask(from, { directory: false }), 'allow');
    assert.equal(ask(from, { operation: 'link' }), 'allow');
  }
});

test('missing fs.refer alone is EXDEV, and is not asked inside one directory', () => {
  const rules = [
    path(
      'allow',
      '/p',
      WRITE.filter((right) => right !== 'fs.refer'),
    ),
  ];
  assert.equal(decideRules([layer(rules)], move('/p/a', '/p/b')).errno, 0);
  const across = decideRules([layer(rules)], move('/p/a', '/p/x/b'));
  assert.deepEqual([across.errno, across.blame.missing], [18, ['fs.refer']]);
});

test('a path that is not in normal form is refused, not misjudged', () => {
  const rules = [path('allow', '/'), path('deny', '/p')];
  for (const bad of ['p', '', '/a/../p', '//p', '/p/', '/./p', '/p/..']) {
    for (const request of [read(bad), move('/a', bad), move(bad, '/a')]) {
      assert.throws(() => verdictOf(rules, request), { code: 'USAGE' }, bad);
    }
  }
  assert.equal(verdictOf(rules, read('/.p/..q')), 'allow');
});

test('what would have to change is named', () => {
  const rules = [path('allow', '/p/src'), path('deny', '/p/src/x'), path('allow', '/usr')];
  const kinds = (target: string, rights: PathRule['rights'] = ['fs.read_file']) =>
    explainRules([layer(rules)], { kind: 'path', path: target, rights });
  assert.deepEqual(kinds('/p/src/a'), []);
  const [override] = kinds('/p/src/x/y');
  assert.ok(override?.kind === 'override' && override.rule === rules[1]);
  const [extend] = kinds('/p/src/a', ['fs.write_file']);
  assert.ok(extend?.kind === 'extend' && extend.rule === rules[0]);
  const [add] = kinds('/p/lib');
  assert.ok(add?.kind === 'add' && add.nearest === rules[0]);
  const [alone] = kinds('/var');
  assert.ok(alone?.kind === 'add' && alone.nearest === undefined);
});
