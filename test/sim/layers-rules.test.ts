/** Layers of rules that may change: edits, versions, seals, and what "stricter" means, against a plain twin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import { layers as room } from '../../packages/landward/src/model/index.ts';
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
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { ALL, base, cidr, layer, net, path, WRITE } from '../kit/rules.ts';

const { bindingLayers, editRules, isStricterRules, openStack, orderLayers, renderRuleEdit } = room;
type RuleEdit = room.RuleEdit;
type RuleStack = room.RuleStack;
type LayerOrder = room.LayerOrder;

const READ: PathRule['rights'] = ['fs.read_file'];
const limit = (rules: readonly Rule[], mutable?: 'stricter' | 'any', more: Partial<RuleLayer> = {}) => ({
  ...layer(rules, 'limit'),
  ...(mutable === undefined ? {} : { mutable }),
  ...more,
});
function order(stack: RuleStack, one: LayerOrder, time = 1) {
  return orderLayers(stack, one, time);
}
/** The stack after orders that must all be carried out. */
function after(stack: RuleStack, ...orders: readonly LayerOrder[]): RuleStack {
  return orders.reduce((before, one) => {
    const { stack: next, answered } = order(before, one);
    assert.equal(answered.errno, 0, JSON.stringify(one));
    return next;
  }, stack);
}
const modify = (key: number, ...edits: readonly RuleEdit[]) => ({ kind: 'modify', key, edits }) as const;
const commit = (key: number, version: number) =>
  ({ kind: 'commit', key, base: version, editor: 'test' }) as const;
const seal = (key: number) => ({ kind: 'seal', key, editor: 'test' }) as const;
const may = (stack: RuleStack, request: Request) => decideRules(bindingLayers(stack), request).errno === 0;
const reading = (where: string): Request => ({ kind: 'path', path: where, rights: READ });

test('a layer is changed only where it said so when it was added [R-001-4, R-001-1]', () => {
  const plain = openStack([limit([path('allow', '/a')])]);
  const edit = modify(0, { kind: 'remove', rule: path('allow', '/a') });
  for (const one of [edit, commit(0, 0), seal(0)])
    assert.equal(order(plain, one).answered.errno, ERRNO.EROFS, one.kind);
  assert.equal(order(plain, modify(7)).answered.errno, ERRNO.EBADF);
  // Nothing that an edit can say makes a layer changeable later.
  const stack = openStack([limit([path('allow', '/a')]), limit([path('allow', '/')], 'any')]);
  const done = after(stack, modify(1, { kind: 'add', rule: path('deny', '/a') }), commit(1, 0));
  assert.equal(order(done, edit).answered.errno, ERRNO.EROFS);
  assert.deepEqual(bindingLayers(done)[0], bindingLayers(stack)[0]);
});

test('edits are drafts until one commit makes them count together [R-001-23, R-001-11]', () => {
  const stack = openStack([limit([path('allow', '/a')], 'any')]);
  const drafted = after(
    stack,
    modify(0, { kind: 'replace', rule: path('allow', '/a'), by: path('allow', '/b') }),
    modify(0, { kind: 'add', rule: path('allow', '/c') }),
  );
  assert.deepEqual(bindingLayers(drafted), bindingLayers(stack));
  const committed = after(drafted, commit(0, 0));
  assert.deepEqual(
    ['/a', '/b', '/c'].map((where) => may(committed, reading(where))),
    [false, true, true],
  );
  // Who has drafted against another version is told so, and nothing happens.
  assert.equal(order(committed, commit(0, 0)).answered.errno, ERRNO.EBUSY);
  // A list of edits counts whole or not at all.
  const bad = modify(
    0,
    { kind: 'add', rule: path('allow', '/d') },
    { kind: 'remove', rule: path('allow', '/nowhere') },
  );
  const refused = order(committed, bad);
  assert.equal(refused.answered.errno, ERRNO.ENOENT);
  assert.equal(may(after(refused.stack, commit(0, 1)), reading('/d')), false);
});

test('a decision keeps the versions that it has begun with [R-001-24]', () => {
  const stack = openStack([limit([path('allow', '/a')], 'any'), limit([path('allow', '/')], 'any')]);
  const held = bindingLayers(stack);
  const changed = after(stack, modify(0, { kind: 'remove', rule: path('allow', '/a') }), commit(0, 0));
  assert.equal(decideRules(held, reading('/a/b')).errno, 0);
  assert.equal(may(changed, reading('/a/b')), false);
});

test('adding never edits a layer and modifying never adds one [R-001-7]', () => {
  const added = limit([path('deny', '/a')], undefined, { categories: ['fs'] });
  const stack = openStack([limit([path('allow', '/')], 'any')], ['fs']);
  const with2 = after(stack, { kind: 'add', layer: added, editor: 'test' });
  assert.equal(with2.entries.length, 2);
  assert.equal(with2.entries[0], stack.entries[0]);
  const edited = after(with2, modify(0, { kind: 'add', rule: path('deny', '/b') }), commit(0, 0), seal(0));
  assert.equal(edited.entries.length, 2);
  assert.equal(edited.entries[1], with2.entries[1]);
});

test('layers are added only where that was asked for, and not without end [R-001-10, R-001-14]', () => {
  const one = { kind: 'add', layer: limit([], undefined, { categories: ['fs'] }), editor: 'test' } as const;
  assert.equal(order(openStack([], null), one).answered.errno, ERRNO.EPERM);
  const net4 = { ...one, layer: limit([], undefined, { categories: ['net'] }) };
  assert.equal(order(openStack([], ['fs']), net4).answered.errno, ERRNO.EINVAL);
  const grants = { ...one, layer: layer([], 'grant', ['fs']) };
  assert.equal(order(openStack([], ['fs']), grants).answered.errno, ERRNO.EINVAL);
  const full = after(openStack([], ['fs']), ...Array(16).fill(one));
  assert.equal(order(full, one).answered.errno, ERRNO.E2BIG);
});

test('what a layer handles is as it was when it was added [R-001-4]', () => {
  const stack = openStack([limit([], 'any', { categories: ['fs'] })]);
  const add = (rule: Rule) => order(stack, modify(0, { kind: 'add', rule })).answered.errno;
  assert.equal(add(net('allow', { kind: 'any' })), ERRNO.EINVAL);
  assert.equal(add(path('allow', '/a', [])), ERRNO.ENOMSG);
  assert.equal(add(path('deny', '/a', [])), 0);
  const calls = openStack([limit([], 'any', { calls: { handled: ['mkdir'], allowed: [] } })]);
  const call = (name: string) => order(calls, modify(0, { kind: 'allow-call', name })).answered.errno;
  assert.deepEqual([call('mkdir'), call('rmdir')], [0, ERRNO.EINVAL]);
  const many = Array(10_001).fill({ kind: 'add', rule: path('allow', '/a') });
  assert.equal(order(stack, modify(0, ...many)).answered.errno, ERRNO.E2BIG);
});

test('an intersection keeps what both name, and does nothing without a rule [R-001-22]', () => {
  const both: PathRule['rights'] = ['fs.read_file', 'fs.write_file'];
  const before = limit([path('allow', '/a', both), path('allow', '/b', both)], 'stricter');
  const rights = (edits: readonly RuleEdit[]) => {
    const result = editRules(before, edits);
    assert.ok(result.ok);
    return result.value.rules.map((rule) => (rule.kind === 'path' ? rule.rights : []));
  };
  const intersect = (where: string, kept: PathRule['rights']): RuleEdit => ({
    kind: 'intersect',
    rule: path('allow', where, kept),
  });
  assert.deepEqual(rights([intersect('/a', READ)]), [READ, both]);
  assert.deepEqual(rights([intersect('/a', ['fs.execute'])]), [both]);
  assert.deepEqual(rights([intersect('/nowhere', READ)]), [both, both]);
  // One text about one object can come to several rules.
  assert.deepEqual(rights([intersect('/a', READ), intersect('/a', ['fs.write_file'])]), [both, both]);
});

test('removing takes the rights away wherever they are named', () => {
  const both: PathRule['rights'] = ['fs.read_file', 'fs.write_file'];
  const before = limit([path('allow', '/a', both), path('allow', '/a', READ)], 'any');
  const result = editRules(before, [{ kind: 'remove', rule: path('allow', '/a', READ) }]);
  assert.ok(result.ok);
  assert.deepEqual(
    result.value.rules.map((rule) => rule.kind === 'path' && rule.rights),
    [['fs.write_file']],
  );
});

test('a stricter layer takes no edit that would give more, and its seal is for ever [R-001-6, R-001-19]', () => {
  const stack = openStack([limit([path('allow', '/a'), path('deny', '/a/b')], 'stricter')]);
  const errno = (edit: RuleEdit) => order(stack, modify(0, edit)).answered.errno;
  assert.equal(errno({ kind: 'add', rule: path('allow', '/c') }), ERRNO.EPERM);
  assert.equal(errno({ kind: 'remove', rule: path('deny', '/a/b') }), ERRNO.EPERM);
  assert.equal(errno({ kind: 'add', rule: path('allow', '/a/b/c') }), ERRNO.EPERM);
  // No gain by meaning: the tree around it grants the same.
  assert.equal(errno({ kind: 'add', rule: path('allow', '/a/c') }), 0);
  assert.equal(errno({ kind: 'remove', rule: path('allow', '/a') }), 0);
  assert.equal(errno({ kind: 'add', rule: path('deny', '/a/**/x') }), 0);
  const sealed = after(stack, modify(0, { kind: 'remove', rule: path('allow', '/a') }), seal(0));
  // The draft is lost with the seal.
  assert.equal(may(sealed, reading('/a/x')), true);
  for (const one of [modify(0), commit(0, 0), seal(0)])
    assert.equal(order(sealed, one).answered.errno, ERRNO.EROFS);
  assert.equal(bindingLayers(sealed)[0]!.mutable, undefined);
});

test('all versions of a stricter layer go on binding, so that a move gives nothing back', () => {
  const stack = openStack([limit([path('allow', '/', WRITE), path('deny', '/a', READ)], 'stricter')]);
  const move: Request = { kind: 'refer', from: '/a/x', to: '/b/x', operation: 'rename', directory: false };
  assert.equal(may(stack, move), false);
  const edit = modify(0, { kind: 'add', rule: path('deny', '/b', READ) });
  const narrowed = after(stack, edit, commit(0, 0));
  // The last version alone would allow it: neither place may be read any more.
  assert.equal(decideRules(bindingLayers(narrowed).slice(-1), move).errno, 0);
  assert.equal(may(narrowed, move), false);
  let many = openStack([limit([path('allow', '/')], 'stricter')]);
  for (let version = 0; version < 255; version++) many = after(many, commit(0, version));
  assert.equal(bindingLayers(many).length, 256);
  assert.equal(order(many, commit(0, 255)).answered.errno, ERRNO.E2BIG);
});

test('every change leaves a line: who, which layer, from where to where, whether more is allowed [R-001-18]', () => {
  const stack = openStack([limit([path('allow', '/a')], 'any', { name: 'a\n"b' })], ['fs']);
  const lines: string[] = [];
  const orders: readonly LayerOrder[] = [
    modify(0, { kind: 'add', rule: path('allow', '/b') }),
    commit(0, 0),
    modify(0, { kind: 'remove', rule: path('allow', '/b') }),
    { ...commit(0, 1), editor: 'uid 0\npid 1' },
    { kind: 'add', layer: limit([], undefined, { categories: ['fs'], name: 'late' }), editor: 'test' },
    seal(0),
  ];
  orders.reduce((before, one, time) => {
    const { stack: next, answered } = order(before, one, time);
    if (answered.entry !== undefined) lines.push(`${answered.entry.time} ${renderRuleEdit(answered.entry)}`);
    return next;
  }, stack);
  assert.deepEqual(lines, [
    '1 op=commit-layer layer=0 name="a\\n\\"b" editor="test" from=0 to=1 widened=yes',
    '3 op=commit-layer layer=0 name="a\\n\\"b" editor="uid 0\\npid 1" from=1 to=2 widened=no',
    '4 op=add-layer layer=1 name="late" editor="test" from=0 to=0 widened=no',
    '5 op=seal-layer layer=0 name="a\\n\\"b" editor="test" from=2 to=2 widened=no',
  ]);
});

// The twin: every request of a small world, decided one by one.

const NAMES = ['a', 'b', '.e'];
const name = fc.constantFrom(...NAMES);
const literal = fc.array(name, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const glob = fc
  .array(fc.oneof(name, fc.constantFrom('*', '**', '.*', '[ab]', '{a,.e}')), { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`);
const verdict = fc.constantFrom<Verdict>('deny', 'hide', 'ask', 'allow', 'allow');
const rights = fc.constantFrom<PathRule['rights']>(
  READ,
  ['fs.write_file', 'meta.stat'],
  ['fs.read_file', 'fs.make_reg'],
);
const pathRule = (where: fc.Arbitrary<string>) =>
  fc
    .tuple(verdict, where, rights, fc.boolean(), fc.boolean())
    .map(([says, pattern, some, exact, every]) =>
      path(says, pattern, every && (says === 'deny' || says === 'hide') ? [] : some, exact),
    );
const host = fc.constantFrom<HostPattern>(
  { kind: 'any' },
  { kind: 'class', name: 'private' },
  { kind: 'name', name: 'one.test' },
  { kind: 'name', name: '*.test' },
  cidr('10.0.0.0', 8),
  cidr('10.0.0.1', 32),
  cidr('0.0.0.0', 0),
);
const ports = fc.constantFrom<[number, number]>([0, 65_535], [80, 80], [80, 443], [443, 443]);
const netRule: fc.Arbitrary<NetRule> = fc
  .tuple(fc.constantFrom<Verdict>('deny', 'ask', 'allow', 'allow'), host, ports)
  .map(([says, who, range]) => net(says, who, range));
const unixRule: fc.Arbitrary<UnixRule> = fc
  .tuple(
    fc.constantFrom<Verdict>('deny', 'ask', 'allow', 'allow'),
    fc.constantFrom<'connect' | 'bind'>('connect', 'bind'),
    fc.oneof(
      fc.constantFrom('@x', '@*', '@x*').map((text) => ({ kind: 'abstract', glob: text.slice(1) }) as const),
      literal.map((where) => ({ kind: 'path', pattern: { kind: 'subtree', path: where } }) as const),
    ),
  )
  .map(([says, operation, target]) => ({ ...base(), kind: 'unix', verdict: says, operation, target }));
const categories = fc.constantFrom<readonly Category[]>(ALL, ['fs'], ['net', 'unix'], []);

const PLACES = [0, 1, 2, 3, 4].flatMap((depth) =>
  Array.from({ length: 4 ** depth }, (_, at) => {
    const parts = Array.from({ length: depth }, (_one, level) => [...NAMES, 'x'][(at >> (2 * level)) & 3]);
    return `/${parts.join('/')}`;
  }),
);
const PROBED = ['fs.read_file', 'fs.write_file', 'fs.make_reg', 'meta.stat'] as const;
const FILES: readonly Request[] = PLACES.flatMap((where) =>
  PROBED.map((right) => ({ kind: 'path', path: where, rights: [right] }) as const),
);
const OTHERS: readonly Request[] = [
  ...[undefined, '10.0.0.1', '10.2.0.1', '192.168.0.1', '8.8.8.8', '0.0.0.0', '::ffff:10.0.0.1'].flatMap(
    (address) =>
      [undefined, 'one.test', 'two.test', 'else.where'].flatMap((host) =>
        [1, 80, 100, 443, 9999].map(
          (port) =>
            ({
              kind: 'net',
              right: 'net.connect_tcp',
              port,
              ...(address === undefined ? {} : { address }),
              ...(host === undefined ? {} : { name: host }),
            }) as const,
        ),
      ),
  ),
  ...(['connect', 'bind'] as const).flatMap((operation) => [
    ...['x', 'xy', 'y'].map((abstract) => ({ kind: 'unix', operation, abstract }) as const),
    ...PLACES.slice(0, 85).map((where) => ({ kind: 'unix', operation, path: where }) as const),
  ]),
];
const WEIGHT = { deny: 0, hide: 0, ask: 1, allow: 2 } as const;
const gives = (one: RuleLayer, request: Request) => WEIGHT[decideRules([one], request).verdict];
const gains = (next: RuleLayer, before: RuleLayer, requests: readonly Request[]) =>
  requests.find((request) => gives(next, request) > gives(before, request));

test('what is called stricter gives nothing more, anywhere [R-001-6]', () => {
  const rules = fc.array(fc.oneof(pathRule(literal), pathRule(glob), netRule, unixRule), { maxLength: 5 });
  const kept = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });
  let accepted = 0;
  fc.assert(
    fc.property(
      rules,
      kept,
      fc.array(fc.oneof(rules), { maxLength: 1 }),
      categories,
      (old, keep, more, spoken) => {
        // Versions that have much in common, or few would be stricter.
        const next = limit([...old.filter((_, at) => keep[at]), ...more.flat()], 'any', {
          categories: spoken,
        });
        const before = limit(old, 'any', { categories: spoken });
        if (!isStricterRules(next, before)) return;
        if (next.rules.length !== before.rules.length || more.length > 0) accepted++;
        assert.equal(gains(next, before, [...FILES, ...OTHERS]), undefined);
      },
    ),
    { numRuns: 250, seed: 6001 },
  );
  assert.ok(accepted > 35, `only ${accepted} versions were called stricter`);
});

test('a glob that a literal rule would overrule counts [R-001-6]', () => {
  const before = [path('allow', '/'), path('deny', '/a/*')];
  const stricter = (next: readonly Rule[], older: readonly Rule[]) =>
    isStricterRules(limit(next, 'any'), limit(older, 'any'));
  assert.equal(stricter([...before, path('allow', '/a/b')], before), false);
  // Shallower than anything that the glob could name it would be no gain, but where a glob names something is not known.
  assert.equal(stricter([...before, path('deny', '/a/b')], before), true);
  assert.equal(stricter(before, [...before, path('deny', '/a/b')]), false);
  const opened = [path('deny', '/', READ), path('allow', '/a/*'), path('deny', '/a/b')];
  assert.equal(stricter(opened.slice(0, 2), opened), false);
  let [accepted, refused] = [0, 0];
  const literals = fc.array(fc.tuple(fc.constantFrom<Verdict>('deny', 'ask', 'allow'), literal), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(verdict, glob), { minLength: 1, maxLength: 2 }),
      literals,
      literals,
      (globs, next, older) => {
        const shared = globs.map(([says, where]) => path(says, where));
        const layerOf = (some: typeof next) =>
          limit([path('allow', '/'), ...shared, ...some.map(([says, where]) => path(says, where))], 'any');
        const [a, b] = [layerOf(next), layerOf(older)];
        const gained = gains(a, b, FILES) !== undefined;
        if (isStricterRules(a, b)) {
          accepted++;
          assert.equal(gained, false);
        } else if (gained) refused++;
      },
    ),
    { numRuns: 150, seed: 6004 },
  );
  assert.ok(accepted > 15 && refused > 15, `${accepted} accepted, ${refused} refused`);
});

test('of literal paths it is exactly: nothing is given that was not', () => {
  const says = fc
    .tuple(fc.constantFrom<Verdict>('deny', 'ask', 'allow'), literal, fc.boolean())
    .map(([kind, where, exact]) => path(kind, where, ['fs.read_file', 'fs.make_reg'], exact));
  const some = fc.array(says, { maxLength: 4 });
  let stricter = 0;
  fc.assert(
    fc.property(some, some, (next, before) => {
      const [a, b] = [limit(next, 'any'), limit(before, 'any')];
      const expected = gains(a, b, FILES) === undefined;
      if (expected) stricter++;
      assert.equal(isStricterRules(a, b), expected);
    }),
    { numRuns: 250, seed: 6002 },
  );
  assert.ok(stricter > 25);
});

test('whatever is ordered, a stricter layer never gives more and no layer more than the others [R-001-2, R-001-6, R-001-17]', () => {
  const rule = fc.oneof(pathRule(literal), pathRule(glob));
  const edit: fc.Arbitrary<RuleEdit> = fc.oneof(
    fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const, 'intersect' as const), rule }),
    fc.record({ kind: fc.constant('replace' as const), rule, by: rule }),
  );
  const requests: readonly Request[] = [
    ...FILES.slice(0, 340),
    ...PLACES.slice(1, 21).map(
      (to) => ({ kind: 'refer', from: '/a/b', to, operation: 'rename', directory: false }) as const,
    ),
  ];
  const vector = (stack: RuleStack) => requests.map((request) => may(stack, request));
  let committed = 0;
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 4 }),
      fc.array(rule, { maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(2), fc.array(edit, { maxLength: 2 })), { maxLength: 5 }),
      (fixed, first, steps) => {
        const bound = limit([path('allow', '/', WRITE), ...fixed]);
        const strict = limit([path('allow', '/', WRITE), ...first], 'stricter');
        let stack = openStack([bound, strict, limit([path('allow', '/', WRITE)], 'any')]);
        let last = vector(openStack([bound, strict]));
        const ceiling = last;
        for (const [key, edits] of steps) {
          const drafted = order(stack, modify(key, ...edits)).stack;
          const version = drafted.entries[key]!.version;
          const { stack: next, answered } = order(drafted, commit(key, version));
          if (answered.errno === 0 && edits.length > 0) committed++;
          stack = next;
          const whole = vector(stack);
          assert.ok(whole.every((given, at) => !given || ceiling[at]));
          const now = vector({ ...stack, entries: stack.entries.slice(0, 2) });
          assert.ok(now.every((given, at) => !given || last[at]));
          last = now;
          assert.equal(stack.entries[0]!.committed[0], bound);
        }
      },
    ),
    { numRuns: 60, seed: 6003 },
  );
  assert.ok(committed > 30, `only ${committed} commits`);
});

test('the call of 2017 checks in order: of two faults the earlier one counts [R-001-15]', () => {
  const good = { noNewPrivs: true, sysAdmin: true, flags: 0, rule: 100, before: 0, pageSize: 4096 } as const;
  const faults: readonly (readonly [Partial<room.OldAddCall>, number])[] = [
    [{ noNewPrivs: false }, ERRNO.EPERM],
    [{ sysAdmin: false }, ERRNO.EPERM],
    [{ rule: null }, ERRNO.EFAULT],
    [{ flags: 1 }, ERRNO.EINVAL],
    [{ rule: 'unreadable' }, ERRNO.EFAULT],
    [{ before: 64 * 4096 - 99 }, ERRNO.E2BIG],
  ];
  const errno = (call: room.OldAddCall) => {
    const result = room.oldAdd(call);
    return result.ok ? 0 : result.errno;
  };
  assert.equal(errno({ ...good, before: 64 * 4096 - 100 }), 0);
  // Two faults of one field cannot be had at once.
  for (const [at, [fault, expected]] of faults.entries())
    for (const [later] of faults.slice(at))
      if (!Object.keys(later).some((key) => key in fault) || later === fault)
        assert.equal(errno({ ...good, ...later, ...fault }), expected, JSON.stringify([fault, later]));
});
