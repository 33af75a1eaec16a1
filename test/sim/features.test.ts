/** Beyond Linux: socket creation, rules that keep grants away, asking before failing; all off in the linux profile. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ADD_RULE_NO_INHERIT,
  type AskLayer,
  addSealingRule,
  addSocketRule,
  canonicalTriple,
  decideEntry,
  decideSealed,
  decideSocketCreate,
  decodeAnswer,
  decodeEvent,
  encodeAnswer,
  encodeEvent,
  expandSealed,
  MODEL_FEATURES,
  PROFILES,
  type SealingLayer,
  type SocketLayer,
  type SuperviseEvent,
  sealedMissing,
  superviseQueue,
  superviseRequest,
} from '../../packages/landward/src/model/features/index.ts';
import type {
  Dentry,
  Inode,
  InodeType,
  Mount,
  Path,
} from '../../packages/landward/src/model/landlock/world.ts';
import { decodeBytes } from '../../packages/landward/src/model/records/index.ts';

const { landward, linux } = PROFILES;
function ok<T>(result: { ok: true; value: T } | { ok: false; errno: number }): T {
  assert.ok(result.ok, result.ok ? '' : `errno ${result.errno}`);
  return result.value;
}
const errno = (result: { ok: true } | { ok: false; errno: number }) => (result.ok ? 0 : result.errno);

test('the linux profile has everything off', () => {
  assert.equal(linux.size, 0);
  assert.equal(landward.size, Object.keys(MODEL_FEATURES).length);
});

// Socket creation.

const handled: SocketLayer = { handled: true, rules: [] };
const attr = (family: number, type: number, protocol: number, allowedAccess = 1n) => ({
  family,
  type,
  protocol,
  allowedAccess,
});

test('socket rules: every edge of every number [R-000-30]', () => {
  const add = (...numbers: readonly [number, number, number, bigint?]) =>
    errno(addSocketRule(landward, handled, attr(...numbers)));
  assert.deepEqual([add(0, 0, 0), add(254, 254, 65_534), add(2, -1, -1)], [0, 0, 0]);
  const edges: readonly (readonly [number, number, number])[] = [
    [255, 1, 0],
    [-1, 1, 0],
    [2, 255, 0],
    [2, -2, 0],
    [2, 1, 65_535],
    [2, 1, -2],
    [1.5, 1, 0],
  ];
  for (const bad of edges) {
    assert.equal(add(bad[0], bad[1], bad[2]), 22, bad.join());
  }
  assert.deepEqual([add(2, 1, 0, 0n), add(2, 1, 0, 2n), add(2, 1, 0, 3n)], [42, 22, 22]);
  assert.equal(errno(addSocketRule(landward, { ...handled, handled: false }, attr(2, 1, 0))), 22);
  assert.equal(errno(addSocketRule(linux, handled, attr(2, 1, 0))), 22);
});

test('socket rules compare what the kernel stores [R-000-33]', () => {
  const may = (rule: [number, number, number], asked: [number, number, number]) => {
    const layer = ok(addSocketRule(landward, handled, attr(...rule)));
    const [family, type, protocol] = asked;
    return decideSocketCreate(landward, [layer], { family, type, protocol }).allowed;
  };
  const [CLOEXEC, NONBLOCK] = [0o2000000, 0o4000];
  assert.equal(may([2, 1, 0], [2, 1 | CLOEXEC | NONBLOCK, 6]), true);
  assert.equal(may([2, 1, 0], [2, 1, 262]), false, 'MPTCP');
  assert.equal(may([2, 1, 6], [2, 1, 0]), true);
  assert.equal(may([10, 2, 0], [10, 2, 17]), true);
  assert.equal(may([2, 5, 0], [2, 5, 132]), true);
  assert.equal(may([2, 1, 0], [10, 1, 0]), false);
  assert.equal(may([2, 1, -1], [2, 1, 262]), true);
  assert.equal(may([2, -1, 6], [2, 1, 0]), true);
  assert.equal(may([2, -1, 6], [2, 2, 0]), false);
  assert.equal(may([1, 2, 0], [1, 3, 0]), true, 'a raw UNIX socket is a datagram one');
  assert.equal(may([17, 10, 3], [2, 10, 3]), true, 'the old name of a packet socket');
  assert.deepEqual(canonicalTriple({ family: 2, type: 3, protocol: 1 }), { family: 2, type: 3, protocol: 1 });
});

test('a denied triple is EACCES even if no protocol takes it, and the youngest layer is blamed [R-000-30, R-000-32]', () => {
  const asked = { family: 250, type: 1, protocol: 0 };
  const open = { handled: false, rules: [] };
  assert.deepEqual(decideSocketCreate(landward, [handled, handled, open], asked), {
    allowed: false,
    errno: 13,
    layer: 1,
  });
  assert.equal(decideSocketCreate(landward, [open], asked).allowed, true);
  assert.equal(decideSocketCreate(linux, [handled], asked).allowed, true);
});

// Rules that keep grants away.

const R = 4;
const W = 2;
const superblock = { noUser: false };
const inode = (type: InodeType = 'dir'): Inode => ({ type, superblock, private: false });
interface Node extends Dentry {
  readonly inode: Inode;
  readonly children: Node[];
}
function node(parent: Node | null): Node {
  const made: Node = { inode: inode(), parent, children: [] };
  parent?.children.push(made);
  return made;
}
const mountOf = (root: Dentry): Mount => ({ root, parent: null, mountpoint: null, internal: false });
const base: SealingLayer = { handledFs: R | W, rules: [] };

test('an object keeps its ancestors’ grants away, and what is below it may be granted anew', () => {
  const root = node(null);
  const [a, sibling] = [node(root), node(root)];
  const [b, c] = [node(a), node(a)];
  const d = node(b);
  const mount = mountOf(root);
  const at = (dentry: Dentry): Path => ({ mount, dentry });
  const rules: [Dentry, number, number][] = [
    [a, R | W, 0],
    [b, R, ADD_RULE_NO_INHERIT],
    [d, R | W, 0],
  ];
  const layer = rules.reduce(
    (before, [dentry, access, flags]) => ok(addSealingRule(landward, before, at(dentry), access, flags)),
    base,
  );
  const may = (dentry: Dentry, access: number) => decideSealed([layer], at(dentry), access).allowed;
  assert.deepEqual(
    [may(b, R), may(b, W), may(c, W), may(d, W), may(a, W), may(sibling, R)],
    [true, false, true, true, true, false],
  );
  const denied = decideSealed([layer, base], at(b), R | W);
  assert.deepEqual(denied, { allowed: false, errno: 13, layer: 1, missing: R | W });

  // No way out by moving: the object and everything above it stays where it is.
  assert.deepEqual(
    [b, a, root].map((entry) => decideEntry([layer], entry).allowed),
    [false, false, false],
  );
  assert.deepEqual(
    [c, d, sibling].map((entry) => decideEntry([layer], entry).allowed),
    [true, true, true],
  );

  // The same inode through another mount, and in a directory that lost its way to the mount's root.
  const other: Mount = { root: a, parent: mount, mountpoint: sibling, internal: false };
  assert.equal(decideSealed([layer], { mount: other, dentry: b }, W).allowed, false);
  const lost: Dentry = { inode: b.inode, parent: null };
  assert.equal(decideSealed([layer], { mount, dentry: { inode: inode(), parent: lost } }, W).allowed, false);
  assert.equal(decideEntry([layer], lost).allowed, false);
});

test('quiet marks above do not count either; the flag is for paths and needs its switch', () => {
  const root = node(null);
  const [a] = [node(root)];
  const mount = mountOf(root);
  const quiet = ok(addSealingRule(landward, base, { mount, dentry: root }, R, 1));
  assert.equal(sealedMissing(quiet, { mount, dentry: a! }, W).quiet, true);
  const sealed = ok(addSealingRule(landward, quiet, { mount, dentry: a! }, 0, ADD_RULE_NO_INHERIT));
  assert.deepEqual(sealedMissing(sealed, { mount, dentry: a! }, R), { missing: R, quiet: false });
  const path = { mount, dentry: root };
  assert.equal(errno(addSealingRule(landward, base, 'port', 1, ADD_RULE_NO_INHERIT)), 22);
  assert.equal(errno(addSealingRule(linux, base, path, R, ADD_RULE_NO_INHERIT)), 22);
  assert.equal(errno(addSealingRule(landward, base, path, 1 << 9, 0)), 22);
  assert.equal(errno(addSealingRule(landward, base, path, 0, 0)), 42);
});

// A tree of up to 12 directories by the number of each one's parent, and rules on some.
const trees = fc.record({
  parents: fc.array(fc.nat(), { maxLength: 11 }),
  rules: fc.array(fc.tuple(fc.nat(), fc.constantFrom(R, W, R | W), fc.boolean()), { maxLength: 5 }),
});
function build({
  parents,
  rules,
}: {
  parents: readonly number[];
  rules: readonly (readonly [number, number, boolean])[];
}) {
  const nodes = [node(null)];
  for (const parent of parents) nodes.push(node(nodes[parent % nodes.length]!));
  const mount = mountOf(nodes[0]!);
  const layer = rules.reduce((before, [where, access, noInherit]) => {
    const path = { mount, dentry: nodes[where % nodes.length]! };
    return ok(addSealingRule(landward, before, path, access, noInherit ? ADD_RULE_NO_INHERIT : 0));
  }, base);
  return { nodes, mount, layer };
}

test('decisions agree with the definition in plain words', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const { nodes, mount, layer } = build(tree);
      const gives = (at: Node): number => {
        const own = layer.rules.filter((rule) => rule.path.dentry === at);
        const here = own.reduce((mask, rule) => mask | rule.access, 0);
        return own.some((rule) => rule.noInherit) || at.parent === null
          ? here
          : here | gives(at.parent as Node);
      };
      for (const dentry of nodes) {
        assert.equal(sealedMissing(layer, { mount, dentry }, R | W).missing, (R | W) & ~gives(dentry));
      }
    }),
    { seed: 51, numRuns: 1500 },
  );
});

test('the expansion for older kernels never gives more, and is exact off the way to what it keeps', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const { nodes, mount, layer } = build(tree);
      const grants = expandSealed(layer, nodes[0]!, (directory) => (directory as Node).children);
      const expanded = grants.reduce(
        (before, grant) =>
          ok(addSealingRule(landward, before, { mount, dentry: grant.dentry }, grant.access, 0)),
        base,
      );
      const sealed = layer.rules.filter((rule) => rule.noInherit).map((rule) => rule.path.dentry);
      const onTheWay = (at: Node) =>
        sealed.some((dentry) => {
          for (let up = dentry.parent; up !== null; up = up.parent) if (up === at) return true;
          return false;
        });
      for (const dentry of nodes) {
        const wanted = sealedMissing(layer, { mount, dentry }, R | W).missing;
        const got = sealedMissing(expanded, { mount, dentry }, R | W).missing;
        assert.equal(wanted & ~got, 0, 'gives more');
        if (!onTheWay(dentry)) assert.equal(got, wanted);
      }
    }),
    { seed: 52, numRuns: 1500 },
  );
});

// Asking.

const events: fc.Arbitrary<SuperviseEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('fs' as const),
    cookie: fc.nat({ max: 0xffff_ffff }),
    access: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    pid: fc.nat(),
    fd1: fc.integer({ min: -1, max: 99 }),
    fd2: fc.integer({ min: -1, max: 99 }),
    destination: fc.uint8Array({ max: 255, min: 1, maxLength: 20 }).map(decodeBytes),
  }),
  fc.record({
    kind: fc.constant('net' as const),
    cookie: fc.nat({ max: 0xffff_ffff }),
    access: fc.bigInt({ min: 0n, max: 15n }),
    pid: fc.nat(),
    port: fc.nat({ max: 65_535 }),
  }),
);

test('events and answers are whole records', () => {
  const golden = encodeEvent({ kind: 'net', cookie: 7, access: 2n, pid: 99, port: 443 });
  assert.equal(Buffer.from(golden).toString('hex'), '02001800070000000200000000000000' + '63000000bb010000');
  assert.equal(Buffer.from(encodeAnswer({ cookie: 7, allow: true })).toString('hex'), '0800010007000000');
  fc.assert(
    fc.property(events, (event) => {
      const bytes = encodeEvent(event);
      assert.equal(bytes.length % 8, 0);
      assert.deepEqual(decodeEvent(bytes), { ...event });
      for (const cut of [0, 8, bytes.length - 8]) assert.equal(decodeEvent(bytes.subarray(0, cut)), null);
    }),
    { seed: 53, numRuns: 1000 },
  );
  const good = encodeAnswer({ cookie: 1, allow: false });
  assert.deepEqual(decodeAnswer(good), { ok: true, value: { cookie: 1, allow: false } });
  for (const [index, value] of [
    [0, 9],
    [2, 2],
    [3, 1],
  ] as const) {
    assert.equal(errno(decodeAnswer(good.with(index, value))), 22);
  }
  assert.equal(errno(decodeAnswer(good.subarray(1))), 22);
});

test('a question is new, notified, answered once', () => {
  const queue = superviseQueue();
  const question = { kind: 'net', access: 2n, pid: 9, port: 443 } as const;
  assert.equal(errno(queue.read(4096)), 11);
  const cookie = queue.ask(question);
  const early = queue.write(encodeAnswer({ cookie, allow: true }));
  assert.deepEqual([queue.state(cookie), errno(early)], ['new', 2]);
  assert.equal(errno(queue.read(23)), 22);
  assert.deepEqual(decodeEvent(ok(queue.read(24))), { ...question, cookie });
  assert.equal(queue.state(cookie), 'notified');
  assert.equal(errno(queue.write(encodeAnswer({ cookie: 77, allow: true }))), 2);
  ok(queue.write(encodeAnswer({ cookie, allow: true })));
  assert.equal(queue.state(cookie), 'allowed');
  assert.equal(errno(queue.write(encodeAnswer({ cookie, allow: false }))), 2);
});

test('a killed asker is forgotten; the end of the supervisor denies everything', () => {
  const queue = superviseQueue();
  const question = { kind: 'fs', access: 4n, pid: 9, fd1: 3, fd2: -1, destination: '' } as const;
  const [killed, read, waiting] = [queue.ask(question), queue.ask(question), queue.ask(question)];
  queue.forget(killed);
  assert.equal(decodeEvent(ok(queue.read(64)))!.cookie, read);
  queue.forget(killed);
  assert.equal(errno(queue.write(encodeAnswer({ cookie: killed, allow: true }))), 2);
  queue.close();
  assert.deepEqual([killed, read, waiting].map(queue.state), ['gone', 'denied', 'denied']);
  assert.equal(queue.state(queue.ask(question)), 'denied');
  assert.equal(errno(queue.read(64)), 11);
});

test('the youngest denying layer is asked first, and one that asks nobody ends it', () => {
  const layers = fc.array(
    fc.record({
      denies: fc.boolean(),
      notifies: fc.boolean(),
      quiet: fc.boolean(),
      says: fc.constantFrom('allow' as const, 'deny' as const),
    }),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(
      layers,
      fc.constantFrom('fs' as const, 'net' as const, 'scope' as const, 'topology' as const),
      (stack, kind) => {
        const open = new Set(stack.flatMap((layer, index) => (layer.denies ? [index] : [])));
        const asked: number[] = [];
        const end = superviseRequest(
          landward,
          () => [...open].sort((a, b) => a - b).map((layer): AskLayer => ({ layer, ...stack[layer]! })),
          kind,
          (layer) => {
            asked.push(layer);
            if (stack[layer]!.says === 'allow') open.delete(layer);
            return stack[layer]!.says;
          },
        );
        const order = stack
          .map((_, index) => index)
          .filter((index) => stack[index]!.denies)
          .reverse();
        const silent = (index: number) =>
          !stack[index]!.notifies || stack[index]!.quiet || kind === 'scope' || kind === 'topology';
        const stop = order.find((index) => silent(index) || stack[index]!.says === 'deny');
        assert.equal(end.allowed, stop === undefined);
        if (!end.allowed)
          assert.deepEqual([end.layer, end.by], [stop, silent(stop!) ? 'layer' : 'supervisor']);
        const until =
          stop === undefined ? order : order.slice(0, order.indexOf(stop) + (silent(stop) ? 0 : 1));
        assert.deepEqual(asked, until);
      },
    ),
    { seed: 54, numRuns: 2000 },
  );
});

test('a yes without a changed rule is no yes, and the linux profile asks nobody', () => {
  let asked = 0;
  const denying = () => [{ layer: 0, notifies: true, quiet: false }];
  const yes = () => {
    asked++;
    return 'allow' as const;
  };
  assert.deepEqual(superviseRequest(landward, denying, 'fs', yes, 3), {
    allowed: false,
    layer: 0,
    by: 'retries',
  });
  assert.equal(asked, 3);
  assert.deepEqual(superviseRequest(linux, denying, 'fs', yes), { allowed: false, layer: 0, by: 'layer' });
  assert.equal(asked, 3);
});
