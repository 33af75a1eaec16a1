/** Deciding on landward's rules: the precedence rule, layers, hosts, moves; examples and properties with a plain twin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideIndexed, decideRules, indexRules } from '../../packages/landward/src/model/decide-rules.ts';
import { compileGlob, matchGlob } from '../../packages/landward/src/model/glob.ts';
import { isBelow } from '../../packages/landward/src/model/paths.ts';
import { explainRules } from '../../packages/landward/src/model/rules/explain.ts';
import type {
  Category,
  HostPattern,
  NetRule,
  PathRule,
  Request,
  Rule,
  RuleLayer,
  UnixRule,
  Verdict,
} from '../../packages/landward/src/model/rules.ts';

const STRICT = { deny: 0, hide: 1, ask: 2, allow: 3 };
const ALL: readonly Category[] = ['fs', 'net', 'unix', 'process'];
let line = 0;
const base = () =>
  ({ enforce: 'any', origin: { file: 'test', line: ++line, column: 1 } }) as const satisfies Partial<Rule>;

function path(
  verdict: Verdict,
  pattern: string,
  rights: PathRule['rights'] = ['fs.read_file'],
  exact = false,
): PathRule {
  const kind = /[*?[{]/.test(pattern) ? 'glob' : exact ? 'exact' : 'subtree';
  return {
    ...base(),
    kind: 'path',
    verdict,
    rights,
    missing: 'required',
    pattern: kind === 'glob' ? { kind, path: '/', glob: pattern } : { kind, path: pattern },
  };
}
function net(verdict: Verdict, host: HostPattern, ports: [number, number] = [0, 65_535]): NetRule {
  const [first, last] = ports;
  return { ...base(), kind: 'net', verdict, right: 'net.connect_tcp', host, ports: { first, last } };
}
const cidr = (address: string, prefix: number): HostPattern => ({
  kind: 'cidr',
  family: address.includes(':') ? 6 : 4,
  address,
  prefix,
});
function layer(
  rules: readonly Rule[],
  kind: RuleLayer['kind'] = 'grant',
  categories: readonly Category[] = ALL,
): RuleLayer {
  return { kind, name: kind, categories, rules };
}
const read = (target: string): Request => ({ kind: 'path', path: target, rights: ['fs.read_file'] });
const verdictOf = (rules: readonly Rule[], request: Request) => decideRules([layer(rules)], request).verdict;

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

const WRITE: PathRule['rights'] = [
  'fs.read_file',
  'fs.write_file',
  'fs.make_reg',
  'fs.make_dir',
  'fs.remove_file',
  'fs.remove_dir',
  'fs.refer',
];
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

// Properties.

const name = fc.constantFrom('a', 'b', '.e');
const paths = fc.array(name, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const globs = fc
  .array(fc.oneof(name, fc.constantFrom('*', '**', '.*', '?', '[ab]', '{a,.e}')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => `/${parts.join('/')}`);
const verdicts = fc.constantFrom<Verdict>('deny', 'hide', 'ask', 'allow', 'allow', 'allow');
const rightsets = fc.constantFrom<PathRule['rights']>(
  ['fs.read_file'],
  ['fs.write_file', 'meta.stat'],
  WRITE,
  ['fs.read_file', 'fs.execute', 'fs.read_dir'],
);
const rules = fc
  .tuple(verdicts, fc.oneof(paths, globs), rightsets, fc.boolean(), fc.boolean())
  .map(([verdict, pattern, rights, exact, all]) =>
    path(verdict, pattern, all && STRICT[verdict] < 2 ? [] : rights, exact),
  );
const layers = fc.array(
  fc
    .tuple(fc.array(rules, { maxLength: 6 }), fc.constantFrom<readonly Category[]>(['fs'], ['fs'], []))
    .map(([list, categories]) => layer(list, 'grant', categories)),
  { minLength: 1, maxLength: 3 },
);
const PROBED: PathRule['rights'] = [
  'fs.read_file',
  'fs.write_file',
  'fs.make_reg',
  'fs.remove_dir',
  'meta.stat',
  'fs.execute',
];
const requests = fc.oneof(
  fc.record({
    kind: fc.constant('path' as const),
    path: paths,
    rights: fc.subarray([...PROBED], { minLength: 1 }),
  }),
  fc.record({
    kind: fc.constant('refer' as const),
    from: paths,
    to: paths,
    operation: fc.constantFrom('rename' as const, 'link' as const, 'exchange' as const),
    directory: fc.boolean(),
  }),
);

/** The rule in its plainest words: no index, no states, every prefix tried. */
function plain(
  list: readonly PathRule[],
  listed: boolean,
  target: string,
  right: PathRule['rights'][number],
): Verdict {
  const depth = target === '/' ? 0 : target.split('/').length - 1;
  const ancestors = Array.from(
    { length: depth + 1 },
    (_, count) =>
      `/${target
        .split('/')
        .slice(1, count + 1)
        .join('/')}`,
  );
  const entry = /^fs\.(make_|remove_|refer)/.test(right);
  let best: { pins: number; literal: number; verdict: Verdict } | undefined;
  for (const rule of list) {
    if (!(rule.rights.includes(right) || rule.rights.length === 0)) continue;
    const closed = STRICT[rule.verdict] < 2;
    for (const [pins, ancestor] of ancestors.entries()) {
      const self = pins === depth;
      const { pattern } = rule;
      let covers: boolean;
      let literal = 1;
      let tree = pattern.kind === 'subtree';
      if (pattern.kind === 'glob') {
        const plainGlob = pattern.glob.replace(/(\/\*\*)+$/, '') || '/';
        tree = plainGlob !== pattern.glob;
        literal = /[*?[{]/.test(plainGlob) ? 0 : 1;
        covers = matchGlob(compileGlob(plainGlob), ancestor) && (self || tree || closed);
      } else {
        covers = tree ? ancestor === pattern.path : self && target === pattern.path;
      }
      if (!covers || (entry && self && tree && !closed)) continue;
      const order =
        best === undefined
          ? 1
          : pins - best.pins || literal - best.literal || STRICT[best.verdict] - STRICT[rule.verdict];
      if (order > 0) best = { pins, literal, verdict: rule.verdict };
    }
  }
  return best?.verdict ?? (listed && !right.startsWith('meta.') ? 'deny' : 'allow');
}

test('decisions agree with the rule in its plainest words', () => {
  fc.assert(
    fc.property(layers, paths, fc.subarray([...PROBED], { minLength: 1 }), (stack, target, rights) => {
      const expected = stack
        .flatMap((one) =>
          rights.map((right) => plain(one.rules as PathRule[], one.categories.includes('fs'), target, right)),
        )
        .reduce((a, b) => (STRICT[a] < STRICT[b] ? a : b));
      assert.equal(decideRules(stack, { kind: 'path', path: target, rights }).verdict, expected);
    }),
    { seed: 11, numRuns: 6000 },
  );
});

test('the order of rules never matters', () => {
  fc.assert(
    fc.property(layers, requests, fc.integer(), (stack, request, seed) => {
      const turn = (list: readonly Rule[]) => {
        const cut = list.length === 0 ? 0 : Math.abs(seed) % list.length;
        return [...list.slice(cut), ...list.slice(0, cut)].reverse();
      };
      const turned = stack.map((one) => ({ ...one, rules: turn(one.rules) }));
      assert.deepEqual(decideRules(turned, request), decideRules(stack, request));
    }),
    { seed: 12, numRuns: 3000 },
  );
});

test('a further layer never widens', () => {
  fc.assert(
    fc.property(layers, layers, requests, (stack, more, request) => {
      const before = decideRules(stack, request);
      const after = decideRules([...stack, ...more], request);
      assert.ok(STRICT[after.verdict] <= STRICT[before.verdict]);
      assert.ok(before.errno === 0 || after.errno !== 0);
    }),
    { seed: 13, numRuns: 3000 },
  );
});

test('a further deny never widens', () => {
  fc.assert(
    fc.property(layers, fc.oneof(paths, globs), requests, (stack, pattern, request) => {
      const denied = stack.map((one) => ({ ...one, rules: [...one.rules, path('deny', pattern, [])] }));
      assert.ok(STRICT[decideRules(denied, request).verdict] <= STRICT[decideRules(stack, request).verdict]);
    }),
    { seed: 14, numRuns: 3000 },
  );
});

test('what an allowed move carries along gains no right in its new place', () => {
  const tails = [
    '',
    '/a',
    '/b',
    '/.e',
    '/a/a',
    '/a/b',
    '/a/.e',
    '/b/a',
    '/.e/a',
    '/.e/.e',
    '/b/.e',
    '/a/b/.e',
  ];
  let allowed = 0;
  fc.assert(
    fc.property(layers, paths, paths, fc.boolean(), fc.boolean(), (stack, from, to, directory, exchange) => {
      fc.pre(from !== to && !isBelow(to, from) && !isBelow(from, to));
      const open = [...stack, layer([path('allow', '/', WRITE)], 'limit', [])];
      const index = indexRules(open);
      const operation = exchange ? 'exchange' : 'rename';
      if (decideIndexed(index, { kind: 'refer', operation, from, to, directory }).verdict !== 'allow') return;
      allowed++;
      const ways = exchange
        ? ([
            [from, to],
            [to, from],
          ] as const)
        : ([[from, to]] as const);
      for (const [source, target] of ways) {
        for (const tail of directory ? tails : ['']) {
          for (const right of ['fs.read_file', 'fs.write_file', 'meta.stat', 'fs.execute'] as const) {
            const at = (place: string) =>
              decideIndexed(index, { kind: 'path', path: place + tail, rights: [right] }).verdict;
            assert.ok(
              STRICT[at(target)] < 2 || STRICT[at(target)] <= STRICT[at(source)],
              `${right} ${source}${tail} -> ${target}${tail}`,
            );
          }
        }
      }
    }),
    { seed: 15, numRuns: 20_000 },
  );
  assert.ok(allowed > 500, `only ${allowed} moves were allowed`);
});
