/** Layers that may change: the immutable default, two distinct ways to change, who may, and what children see. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PROFILES } from '../../packages/landward/src/model/features/index.ts';
import type { Inode } from '../../packages/landward/src/model/landlock/world.ts';
import {
  addLayer,
  addTo,
  type Chains,
  type Content,
  changeableLayers,
  changingHalf,
  commitHalf,
  commitLayer,
  decideLayers,
  decidePairs,
  derive,
  dropHandle,
  type Edit,
  EMPTY,
  edit,
  enforce,
  exec,
  exit,
  fork,
  isStricter,
  type LayerKey,
  type LayerRequest,
  mayUse,
  modifyLayer,
  type NewLayer,
  newWorld,
  openFile,
  passHandle,
  queryLayer,
  renderLayerEdit,
  sealLayer,
  snapshot,
  type World,
} from '../../packages/landward/src/model/layers/index.ts';

const R = 4;
const W = 2;
const T = 1 << 14;
const inode = (): Inode => ({ type: 'dir', superblock: { noUser: false }, private: false });
// A tree: / has a and b, a has c, b has d; d is also reachable below a (a hard link).
const [root, a, b, c, d] = [inode(), inode(), inode(), inode(), inode()];
const PLACES = new Map<Inode, readonly (readonly Inode[])[]>([
  [root, [[root]]],
  [a, [[a, root]]],
  [b, [[b, root]]],
  [c, [[c, a, root]]],
  [
    d,
    [
      [d, b, root],
      [d, a, root],
    ],
  ],
]);
const chains: Chains = (one) => PLACES.get(one)!;
const INODES = [...PLACES.keys()];

const policy = (paths: readonly (readonly [Inode, number])[], more: Partial<Content> = {}): Content => ({
  ...EMPTY,
  handledFs: R | W | T,
  handledNet: 3,
  paths: new Map(paths),
  ...more,
});
const rule = (kind: 'add' | 'intersect' | 'remove' | 'replace', where: Inode, access = 0): Edit => ({
  kind,
  rule: { kind: 'path', inode: where, access },
});
function ok<T>(result: { ok: true; value: T } | { ok: false; errno: number }): T {
  assert.ok(result.ok, result.ok ? '' : `errno ${result.errno}`);
  return result.value;
}
const errno = (result: { ok: true } | { ok: false; errno: number }) => (result.ok ? 0 : result.errno);
const [EPERM, E2BIG, EBADF, EBUSY, EINVAL, EROFS, ENOMSG, EOPNOTSUPP] = [1, 7, 9, 16, 22, 30, 42, 95];

const REQUESTS: readonly LayerRequest[] = [
  ...INODES.flatMap((one) =>
    chains(one).flatMap((chain) =>
      [R, W, T, R | W].map((access) => ({ kind: 'path' as const, chain, access })),
    ),
  ),
  ...[80, 81].flatMap((port) => [1, 2].map((access) => ({ kind: 'port' as const, port, access }))),
  { kind: 'call', number: 1 },
];
const vector = (world: World, task: number) =>
  REQUESTS.map((request) => decideLayers(snapshot(world, task), request).allowed);
const read = (world: World, task: number, where: Inode, access = R) =>
  decideLayers(snapshot(world, task), { kind: 'path', chain: chains(where)[0]!, access }).allowed;

/** Task 1 outside, task 2 inside a layer that task 1 may change. */
function supervised(layer: Omit<NewLayer, 'principal'>): { world: World; key: LayerKey } {
  const world = ok(fork(newWorld(1, PROFILES.landward), 1, 2));
  return ok(addLayer(world, 2, { ...layer, principal: { kind: 'task', task: 1 } }));
}
function change(world: World, key: LayerKey, edits: readonly Edit[], task = 1): World {
  const drafted = ok(modifyLayer(world, task, key, edits, chains));
  return ok(commitLayer(drafted, task, key, drafted.layers.get(key)!.version, chains)).world;
}

test('adding: who, how many, and what goes together [R-001-4, R-001-9, R-001-10]', () => {
  const world = ok(fork(newWorld(1, PROFILES.landward), 1, 2));
  const content = policy([]);
  const plainWorld = ok(fork(newWorld(1, PROFILES.linux), 1, 2));
  const add = (layer: NewLayer, where = world) => errno(addLayer(where, 2, layer));
  const principal = { kind: 'task', task: 1 } as const;
  assert.equal(add({ content }), 0);
  assert.equal(add({ content, mutability: 'any', principal }), 0);
  assert.equal(add({ content, mutability: 'any' }), EINVAL);
  assert.equal(add({ content, principal }), EINVAL);
  assert.equal(add({ content, propagate: true }), EINVAL);
  assert.equal(add({ content, mutability: 'stricter', principal: { kind: 'task', task: 2 } }), EINVAL);
  assert.equal(add({ content, mutability: 'stricter', principal: { kind: 'task', task: 9 } }), EINVAL);
  assert.equal(add({ content, mutability: 'any', principal }, plainWorld), EOPNOTSUPP);
  assert.equal(add({ content }, plainWorld), 0);
  const privileged = {
    ...world,
    tasks: new Map(world.tasks).set(2, { parent: 1, noNewPrivs: false, layers: [] }),
  };
  assert.equal(add({ content }, privileged), EPERM);
  let full = world;
  for (let count = 0; count < 16; count++) full = ok(addLayer(full, 2, { content })).world;
  assert.equal(add({ content }, full), E2BIG);
});

test('an immutable layer refuses every change, from everyone [R-001-1, R-001-3, R-001-4]', () => {
  const world = ok(fork(newWorld(1, PROFILES.landward), 1, 2));
  const { world: with2, key } = ok(addLayer(world, 2, { content: policy([[root, R]]) }));
  assert.equal(errno(modifyLayer(with2, 1, key, [rule('remove', root)], chains)), EROFS);
  assert.equal(errno(modifyLayer(with2, 2, key, [rule('remove', root)], chains)), EPERM);
  assert.equal(errno(commitLayer(with2, 1, key, 0, chains)), EROFS);
  assert.equal(errno(sealLayer(with2, 1, key)), EROFS);
  assert.equal(errno(modifyLayer(with2, 1, 77, [], chains)), EBADF);
  assert.deepEqual(changeableLayers(with2, 2), []);
});

test('edits count from the commit on, all at once, and leave a line [R-001-11, R-001-18, R-001-23]', () => {
  const { world, key } = supervised({ content: policy([[a, R]]), mutability: 'any' });
  const drafted = ok(modifyLayer(world, 1, key, [rule('add', b, R), rule('remove', a)], chains));
  assert.deepEqual(vector(drafted, 2), vector(world, 2));
  const { world: after, entry } = ok(commitLayer(drafted, 1, key, 0, chains));
  assert.deepEqual([read(after, 2, a), read(after, 2, b)], [false, true]);
  assert.equal(renderLayerEdit(entry), 'op=commit-layer layer=1 editor=1 from=0 to=1 widened=yes');
  assert.equal(errno(commitLayer(after, 1, key, 0, chains)), EBUSY);
  const narrower = change(after, key, [rule('intersect', b, W)]);
  assert.equal(read(narrower, 2, b), false);
  assert.deepEqual(ok(queryLayer(after, 1, key)), {
    version: 1,
    mutability: 'any',
    principal: { kind: 'task', task: 1 },
  });
  assert.equal(after.tasks.get(2)!.layers.length, 1);
});

test('a snapshot keeps its version while others commit [R-001-24]', () => {
  const { world, key } = supervised({ content: policy([[a, R]]), mutability: 'any' });
  const pinned = snapshot(world, 2);
  const after = change(world, key, [rule('remove', a)]);
  const request = { kind: 'path', chain: chains(a)[0]!, access: R } as const;
  assert.equal(decideLayers(pinned, request).allowed, true);
  assert.equal(decideLayers(snapshot(after, 2), request).allowed, false);
});

test('stricter-only is judged by meaning [R-001-6]', () => {
  const { world, key } = supervised({
    content: policy([[a, R | W]], { ports: new Map([[80, 3]]) }),
    mutability: 'stricter',
  });
  const tryEdit = (...edits: Edit[]) => errno(modifyLayer(world, 1, key, edits, chains));
  assert.equal(tryEdit(rule('add', c, R)), 0, 'the parent grants it already');
  assert.equal(tryEdit(rule('add', c, R), rule('remove', a)), 0);
  assert.equal(tryEdit(rule('add', b, R)), EPERM);
  assert.equal(tryEdit(rule('add', d, R)), EPERM, 'd lies below b as well');
  assert.equal(tryEdit(rule('add', root, R)), EPERM);
  assert.equal(tryEdit(rule('replace', a, T)), EPERM);
  assert.equal(tryEdit({ kind: 'handle', fs: 1 }), 0);
  assert.equal(tryEdit({ kind: 'add', rule: { kind: 'port', port: 81, access: 1 } }), EPERM);
  assert.equal(tryEdit({ kind: 'intersect', rule: { kind: 'port', port: 80, access: 1 } }), 0);
  assert.equal(tryEdit({ kind: 'add', rule: { kind: 'call', number: 1 } }), EINVAL);
  assert.equal(tryEdit(rule('add', c, 0)), ENOMSG);
  assert.equal(tryEdit(rule('add', c, 1 << 9)), EINVAL);
  // c is moved below b after its rule was drafted: what it had as part of a is not given back there.
  const moved = change(world, key, [rule('add', c, R), rule('remove', a)]);
  const elsewhere = { kind: 'path', chain: [c, b, root], access: R } as const;
  assert.equal(read(moved, 2, c), true);
  assert.equal(decideLayers(snapshot(moved, 2), elsewhere).allowed, false);
});

test('only the principal changes a layer, and nobody from inside [R-001-5, R-001-10, R-001-25]', () => {
  const content = policy([[a, R]]);
  let world = ok(fork(newWorld(1, PROFILES.landward), 1, 2));
  world = ok(fork(world, 1, 3));
  const modify = (where: World, task: number, key: LayerKey) =>
    errno(modifyLayer(where, task, key, [rule('remove', a)], chains));

  const byTask = ok(addLayer(world, 2, { content, mutability: 'any', principal: { kind: 'task', task: 1 } }));
  assert.deepEqual(
    [1, 2, 3].map((task) => modify(byTask.world, task, byTask.key)),
    [0, EPERM, EPERM],
  );
  assert.equal(errno(queryLayer(byTask.world, 3, byTask.key)), EPERM);

  const byHolder = ok(addLayer(world, 2, { content, mutability: 'any', principal: { kind: 'holder' } }));
  assert.deepEqual(
    [1, 2, 3].map((task) => modify(byHolder.world, task, byHolder.key)),
    [EPERM, EPERM, EPERM],
  );
  const passed = ok(passHandle(byHolder.world, 2, 3, byHolder.key));
  assert.deepEqual(
    [1, 2, 3].map((task) => modify(passed, task, byHolder.key)),
    [EPERM, EPERM, 0],
  );
  assert.equal(errno(passHandle(byHolder.world, 1, 3, byHolder.key)), EBADF);
  // The handle leaks into a task that lives inside.
  const child = ok(fork(passed, 2, 4));
  assert.equal(modify(child, 4, byHolder.key), EPERM);

  const outer = ok(addLayer(world, 2, { content }));
  const byAncestor = ok(
    addLayer(outer.world, 2, { content, mutability: 'any', principal: { kind: 'ancestor' } }),
  );
  const sibling = ok(addLayer(byAncestor.world, 3, { content }));
  assert.deepEqual(
    [1, 2, 3].map((task) => modify(sibling.world, task, byAncestor.key)),
    [0, EPERM, EPERM],
  );
});

test('children see changes only where the layer was added so [R-001-14]', () => {
  for (const propagate of [false, true]) {
    const { world, key } = supervised({ content: policy([[a, R]]), mutability: 'any', propagate });
    const before = ok(fork(world, 2, 3));
    const after = change(before, key, [rule('remove', a)]);
    assert.equal(read(after, 2, a), false);
    assert.equal(read(after, 3, a), !propagate);
    assert.deepEqual(changeableLayers(after, 3), propagate ? [key] : []);
    const own = ok(addLayer(after, 3, { content: policy([]) })).world;
    assert.equal(read(own, 3, a), false);
    const late = ok(fork(after, 2, 4));
    assert.equal(read(late, 4, a), false);
  }
});

test('the order of forks does not matter [R-001-8]', () => {
  const { world, key } = supervised({ content: policy([[a, R]]), mutability: 'any', propagate: true });
  const one = change(ok(fork(ok(fork(world, 2, 3)), 2, 4)), key, [rule('remove', a)]);
  const two = change(ok(fork(ok(fork(world, 2, 4)), 2, 3)), key, [rule('remove', a)]);
  for (const task of [2, 3, 4]) assert.deepEqual(vector(one, task), vector(two, task));
});

test('closing the last handle seals, and so does sealing [R-001-19]', () => {
  const { world, key } = supervised({ content: policy([[a, R]]), mutability: 'any' });
  const closed = [dropHandle(world, 1, key), exec(world, 1), exit(world, 1), ok(sealLayer(world, 1, key))];
  for (const after of closed) {
    assert.equal(after.layers.get(key)!.mutability, 'immutable');
    assert.deepEqual(vector(after, 2), vector(world, 2));
    assert.deepEqual(changeableLayers(after, 2), []);
    assert.notEqual(errno(modifyLayer(after, 1, key, [rule('remove', a)], chains)), 0);
  }
  assert.deepEqual(changeableLayers(world, 2), [key]);
});

test('layers are freed with the last task and handle, without recursion [R-001-12]', () => {
  let world = newWorld(1, PROFILES.landward);
  for (let task = 2; task < 2000; task++) {
    world = ok(fork(world, 1, task));
    if (task % 2 === 0) world = ok(addLayer(world, task, { content: policy([]) })).world;
  }
  assert.equal(world.layers.size, 999);
  for (let task = 2; task < 2000; task++) world = exit(world, task);
  assert.equal(world.layers.size, 0);
});

test('optional rights of an open file are asked again where a layer changed [R-001-26]', () => {
  const { world, key } = supervised({ content: policy([[a, R | T]]), mutability: 'any' });
  const file = openFile(world, 2, { kind: 'path', chain: chains(a)[0]!, access: R | T });
  assert.equal(mayUse(world, file, T), true);
  const revoked = change(world, key, [rule('intersect', a, R)]);
  assert.equal(mayUse(revoked, file, T), false);
  assert.equal(mayUse(revoked, file, R), true);
});

test('a fixed part stays granted, and a filter is a layer like any other [R-001-13, R-001-21]', () => {
  const { world, key } = supervised({
    content: policy([[a, R]]),
    fixed: { paths: new Map([[b, R]]), ports: new Map(), calls: new Set() },
    mutability: 'any',
  });
  const emptied = change(world, key, [rule('remove', a), rule('remove', b)]);
  assert.deepEqual([read(emptied, 2, a), read(emptied, 2, b)], [false, true]);
  const filter = supervised({
    content: { ...EMPTY, handledCalls: true, calls: new Set([1, 2]) },
    mutability: 'stricter',
  });
  const calls = (where: World) =>
    [1, 2, 3].map((number) => decideLayers(snapshot(where, 2), { kind: 'call', number }).allowed);
  assert.deepEqual(calls(filter.world), [true, true, false]);
  const narrower = change(filter.world, filter.key, [{ kind: 'remove', rule: { kind: 'call', number: 2 } }]);
  assert.deepEqual(calls(narrower), [true, false, false]);
  assert.equal(
    errno(
      modifyLayer(filter.world, 1, filter.key, [{ kind: 'add', rule: { kind: 'call', number: 3 } }], chains),
    ),
    EPERM,
  );
});

// Properties.

const masks = fc
  .integer({ min: 0, max: 7 })
  .map((bits) => (bits & 1 ? R : 0) | (bits & 2 ? W : 0) | (bits & 4 ? T : 0));
const contents = fc
  .record({
    paths: fc.array(fc.tuple(fc.constantFrom(...INODES), masks), { maxLength: 4 }),
    handledFs: masks,
    ports: fc.array(fc.tuple(fc.constantFrom(80, 81), fc.nat({ max: 3 })), { maxLength: 2 }),
  })
  .map(({ paths, handledFs, ports }) => policy(paths, { handledFs, ports: new Map(ports) }));
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('add' as const, 'intersect' as const, 'remove' as const, 'replace' as const),
      fc.constantFrom(...INODES),
      masks,
    )
    .map(([kind, where, access]) => rule(kind, where, access)),
  fc.record({
    kind: fc.constantFrom('add' as const, 'intersect' as const),
    rule: fc.record({
      kind: fc.constant('port' as const),
      port: fc.constantFrom(80, 81),
      access: fc.integer({ min: 1, max: 3 }),
    }),
  }),
  masks.map((fs) => ({ kind: 'handle', fs }) as const),
);

/** One layer in plain words. */
function plain(content: Content, request: LayerRequest): boolean {
  if (request.kind === 'call') return !content.handledCalls || content.calls.has(request.number);
  const rights = [R, W, T, 1].filter((bit) => request.access & bit);
  if (request.kind === 'port') {
    return rights.every(
      (bit) => !(content.handledNet & bit) || ((content.ports.get(request.port) ?? 0) & bit) !== 0,
    );
  }
  return rights.every(
    (bit) =>
      !(content.handledFs & bit) || request.chain.some((one) => ((content.paths.get(one) ?? 0) & bit) !== 0),
  );
}
const SINGLE = REQUESTS.filter(
  (request) => request.kind === 'call' || (request.access & (request.access - 1)) === 0,
);

test('"stricter" is exactly: nothing becomes allowed', () => {
  let narrower = 0;
  fc.assert(
    fc.property(contents, fc.array(edits, { maxLength: 4 }), (content, list) => {
      const next = edit(content, list);
      if (!next.ok) return;
      const gives = SINGLE.some((request) => plain(next.value, request) && !plain(content, request));
      assert.equal(isStricter(next.value, content, chains), !gives);
      if (!gives) narrower++;
    }),
    { seed: 31, numRuns: 6000 },
  );
  assert.ok(narrower > 500);
});

test('whatever is edited, an immutable child stays as it was, and a stricter layer never gives more [R-001-2, R-001-6]', () => {
  const steps = fc.array(
    fc.tuple(
      fc.constantFrom('modify', 'commit', 'seal', 'add', 'drop', 'fork'),
      fc.array(edits, { maxLength: 3 }),
      contents,
    ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(
      contents,
      fc.constantFrom('stricter' as const, 'any' as const),
      steps,
      (content, mutability, list) => {
        const { world: start, key } = supervised({ content, mutability });
        let world = ok(fork(start, 2, 3));
        const child = vector(world, 3);
        let before = vector(world, 2);
        let spare = 10;
        const base = decideLayersOf(world);
        for (const [step, changes, more] of list) {
          const attempt =
            step === 'modify'
              ? modifyLayer(world, 1, key, changes, chains)
              : step === 'commit'
                ? commitLayer(world, 1, key, world.layers.get(key)!.version, chains)
                : step === 'seal'
                  ? sealLayer(world, 1, key)
                  : step === 'add'
                    ? addLayer(world, 2, { content: more })
                    : step === 'fork'
                      ? fork(world, 2, spare++)
                      : { ok: true as const, value: dropHandle(world, 1, key) };
          if (!attempt.ok) continue;
          world = 'world' in attempt.value ? attempt.value.world : attempt.value;
          const now = vector(world, 2);
          if (step !== 'commit' && step !== 'add') assert.deepEqual(now, before, step);
          if (step === 'add' || mutability === 'stricter')
            assert.ok(now.every((allowed, index) => !allowed || before[index]));
          before = now;
          assert.deepEqual(vector(world, 3), child);
        }
        assert.deepEqual(decideLayersOf(start), base);
      },
    ),
    { seed: 32, numRuns: 1500 },
  );
});

/** Every task's answers. */
function decideLayersOf(world: World): boolean[][] {
  return [1, 2].map((task) => vector(world, task));
}

test('a layer that may grow never exceeds the layers below it [R-001-17]', () => {
  fc.assert(
    fc.property(contents, contents, fc.array(edits, { maxLength: 4 }), (outer, inner, list) => {
      const world = ok(addLayer(ok(fork(newWorld(1, PROFILES.landward), 1, 2)), 2, { content: outer })).world;
      const bound = vector(world, 2);
      const { world: both, key } = ok(
        addLayer(world, 2, { content: inner, mutability: 'any', principal: { kind: 'task', task: 1 } }),
      );
      const drafted = modifyLayer(both, 1, key, list, chains);
      if (!drafted.ok) return;
      const after = ok(commitLayer(drafted.value, 1, key, 0, chains)).world;
      vector(after, 2).forEach((allowed, index) => {
        assert.equal(allowed, bound[index]! && plain(after.layers.get(key)!.draft, REQUESTS[index]!));
      });
    }),
    { seed: 33, numRuns: 1500 },
  );
});

test('of a pair, one half changes and cannot be enforced, and the other is enforced with it [R-001-20, R-001-21, R-001-23]', () => {
  const handled = { handledFs: R | W, handledNet: 0, handledCalls: false };
  const made = changingHalf(1, handled);
  const grant = (where: Inode, access: number): Edit => rule('add', where, access);
  assert.equal(errno(enforce([], made)), 77);
  assert.equal(made.closeOnExec, true);
  const [one, two] = [ok(addTo(derive(made), [grant(a, R)])), derive(made)];
  for (const half of [one, two])
    assert.deepEqual({ ...EMPTY, ...handled }, { ...half.fixed, paths: new Map() });
  // Neither half ever handles anything else.
  assert.equal(errno(addTo(made, [grant(a, T)])), EINVAL);
  assert.equal(errno(addTo(two, [{ kind: 'handle', fs: T }])), EINVAL);
  const drafted = ok(addTo(made, [grant(b, R), grant(c, W)]));
  const committed = commitHalf(drafted);
  const may = (layers: readonly (typeof one)[], half: typeof made, where: Inode, access: number) =>
    decidePairs(layers, new Map([[1, half]]), { kind: 'path', chain: chains(where)[0]!, access });
  // What is fixed or committed is granted, and every layer has to: over two layers, each with the shared half.
  const table = (half: typeof made) =>
    [[one], [two], [one, two]].map((layers) => [
      may(layers, half, a, R),
      may(layers, half, b, R),
      may(layers, half, c, W),
      may(layers, half, c, R),
    ]);
  assert.deepEqual(table(made), [
    [true, false, false, true],
    [false, false, false, false],
    [false, false, false, false],
  ]);
  assert.deepEqual(table(drafted), table(made));
  assert.deepEqual(table(committed), [
    [true, true, true, true],
    [false, true, true, false],
    [false, true, true, false],
  ]);
  assert.equal(errno(enforce(Array(16).fill(one), two)), E2BIG);
  assert.deepEqual(ok(enforce([one], two)), [one, two]);
});
