/** Identifiers: their generator, names relative to PID namespaces, and who may read which. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Creator,
  type Credential,
  type DisclosureField,
  type Domain,
  disclose,
  discloseCall,
  FIRST_ID,
  HIDDEN_NAME,
  IdGenerator,
  linux,
  nextName,
  type PidNamespace,
  packName,
  printId,
  readName,
  tellsSandboxed,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { confine } from '../differential/scene.ts';

/** A random source that gives these numbers in turn. */
const giving = (...numbers: number[]) => {
  const asked: number[] = [];
  const random = (below: number) => {
    asked.push(below);
    return numbers.shift() ?? 0;
  };
  return { random, asked };
};

test('the first identifier is random and never a 32-bit number', () => {
  for (const [seed, first] of [
    [0, 2n ** 32n],
    [1, 2n ** 32n + 1n],
    [2 ** 32 - 1, 2n ** 33n - 1n],
  ] as const) {
    const { random, asked } = giving(seed);
    assert.equal(new IdGenerator(random).take(), first);
    assert.deepEqual(asked, [2 ** 32, 16]);
  }
  assert.equal(FIRST_ID, 4294967296n);
  assert.equal(new IdGenerator(giving().random, 7_000_000_000n).take(), 7_000_000_000n);
});

test('a draw advances by what it took and the gap', () => {
  for (const count of [1, 2, 5]) {
    for (const gap of [0, 1, 15]) {
      const ids = new IdGenerator(giving(0, gap).random);
      assert.equal(ids.take(count), FIRST_ID);
      assert.equal(ids.next, FIRST_ID + BigInt(count + gap));
    }
  }
  const odd = new IdGenerator(giving(0, 0, 0).random);
  odd.take(0);
  odd.take(-3);
  assert.equal(odd.next, FIRST_ID + 2n);
});

test('identifiers increase, never overlap, and say no more than a bound on how many there are', () => {
  const draws = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(15)), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), draws, (seed, list) => {
      const ids = new IdGenerator(giving(seed, ...list.map(([, gap]) => gap)).random);
      let end = 0n;
      const firsts = list.map(([count]) => {
        const first = ids.take(count);
        assert.ok(first >= end && first >= FIRST_ID);
        end = first + BigInt(count);
        return first;
      });
      const taken = list.slice(0, -1).reduce((sum, [count]) => sum + count, 0);
      const span = Number(firsts.at(-1)! - firsts[0]!);
      assert.ok(span >= taken && span <= taken + 15 * (list.length - 1));
    }),
    { seed: 15, numRuns: 200 },
  );
});

test('restored identifiers need the capability, are free, and are never given again', () => {
  const ids = new IdGenerator(giving(0, 0, 3).random);
  const first = ids.take();
  const errno = (result: ReturnType<IdGenerator['restore']>) => (result.ok ? 0 : result.errno);
  assert.equal(errno(ids.restore(FIRST_ID + 100n, false, () => false)), ERRNO.EPERM);
  assert.equal(errno(ids.restore(5n, true, () => false)), ERRNO.EINVAL);
  assert.equal(errno(ids.restore(first, true, (id) => id === first)), ERRNO.EEXIST);
  assert.equal(errno(ids.restore(first, true, () => false)), 0);
  assert.equal(ids.next, FIRST_ID + 1n, 'an old identifier leaves the generator alone');
  assert.deepEqual(
    ids.restore(FIRST_ID + 100n, true, () => false),
    { ok: true, value: FIRST_ID + 100n },
  );
  assert.equal(ids.take(), FIRST_ID + 104n);
  const exact = new IdGenerator(giving(0, 0).random);
  exact.restore(exact.next, true, () => false);
  assert.equal(exact.take(), FIRST_ID + 1n, 'the next one is taken too');
  assert.equal(printId(FIRST_ID + 10n), '10000000a');
});

test('a name is read in the namespace of the reader', () => {
  const initial: PidNamespace = { parent: null };
  const middle: PidNamespace = { parent: initial };
  const inner: PidNamespace = { parent: middle };
  const sibling: PidNamespace = { parent: initial };
  const creator: Creator = { namespace: middle, tid: (namespace) => (namespace === middle ? 12 : 340) };
  const names = [nextName(creator, [])];
  names.push(nextName(creator, names));
  names.push(nextName(creator, names));
  assert.deepEqual(
    names.map((name) => readName(name, middle)),
    ['12.0', '12.1', '12.2'],
  );
  assert.equal(readName(names[2]!, initial), '340.2');
  assert.equal(readName(names[2]!, inner), HIDDEN_NAME);
  assert.equal(readName(names[2]!, sibling), '0.0');
  assert.equal(readName(nextName({ ...creator }, names), middle), '12.0', 'another thread counts for itself');
  assert.equal(packName(names[1]!, initial), (340n << 32n) | 1n);
  assert.equal(packName(names[1]!, inner), 0n);
  assert.equal(tellsSandboxed(names[0]!, initial), true);
  assert.equal(tellsSandboxed(names[0]!, inner), false);
  assert.equal(tellsSandboxed(null, initial), false);
});

test('identifiers are disclosed to who is above', () => {
  const behaviour = linux(11);
  const layer = (id: bigint) => ({ scoped: 1, id });
  const outer = confine(behaviour, [layer(1n)]);
  const inner = confine(behaviour, [layer(2n), layer(3n)], outer);
  const other = confine(behaviour, [layer(4n), layer(5n)]);
  const nothing = { first: null, last: null };
  assert.deepEqual(disclose(null, inner.domain), { first: 1n, last: 3n }, 'from outside');
  assert.deepEqual(disclose(outer.domain, inner.domain), { first: 2n, last: 3n }, 'from above');
  assert.deepEqual(disclose(outer.domain, outer.domain), nothing, 'the same domain');
  assert.deepEqual(disclose(inner.domain, outer.domain), nothing, 'from below');
  assert.deepEqual(disclose(outer.domain, other.domain), nothing, 'a stranger');
  assert.deepEqual(disclose(null, UNRESTRICTED.domain), nothing);
  assert.equal(inner.domain!.layers[1]!.node.id, 2n);
});

test('disclosure agrees with a plain comparison of chains, field by field, and a short structure is EINVAL', () => {
  const behaviour = linux(11);
  const FIRST: DisclosureField = { field: 'first', end: 80 };
  const LAST: DisclosureField = { field: 'last', end: 72 };
  let id = 0n;
  const grow = (start: Credential, count: number) =>
    confine(
      behaviour,
      Array.from({ length: count }, () => ({ scoped: 1, id: ++id })),
      start,
    );
  const chain = (domain: Domain | null) => domain?.layers.map((layer) => layer.node.id!) ?? [];
  const depth = fc.nat({ max: 3 });
  let told = 0;
  fc.assert(
    fc.property(
      depth,
      fc.nat({ max: 1 }),
      depth,
      fc.subarray([FIRST, LAST]),
      fc.constantFrom(64, 72, 80, 128),
      (shared, left, right, fields, size) => {
        const trunk = grow(UNRESTRICTED, shared);
        const reader = grow(trunk, left).domain;
        const target = grow(trunk, right).domain;
        const answer = discloseCall(reader, target, fields, size);
        assert.deepEqual(discloseCall(reader, target, fields, size), answer, 'asking again');
        if (fields.some(({ end }) => end > size)) {
          assert.deepEqual(answer, { ok: false, errno: ERRNO.EINVAL });
          return;
        }
        const [above, below] = [chain(reader), chain(target)];
        const nested = above.length < below.length && above.every((one, index) => one === below[index]);
        const expected: Record<string, bigint> = {};
        if (nested && fields.includes(FIRST)) expected.first = below[above.length]!;
        if (nested && fields.includes(LAST)) expected.last = below.at(-1)!;
        assert.deepEqual(answer, { ok: true, value: expected });
        told += Object.keys(expected).length;
      },
    ),
    { seed: 20, numRuns: 600 },
  );
  assert.ok(told > 100);
});

test('the generator is: next, then the count and a gap', () => {
  const draws = fc.array(fc.tuple(fc.integer({ min: -1, max: 5 }), fc.nat(15)), { maxLength: 20 });
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), draws, (seed, list) => {
      const ids = new IdGenerator(giving(seed, ...list.map(([, gap]) => gap)).random);
      let next = 2n ** 32n + BigInt(seed);
      for (const [count, gap] of list) {
        assert.equal(ids.take(count), next);
        next += BigInt(Math.max(count, 1)) + BigInt(gap);
      }
      assert.equal(ids.next, next);
    }),
    { seed: 16, numRuns: 300 },
  );
});
