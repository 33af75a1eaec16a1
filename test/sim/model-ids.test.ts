/** Identifiers: their generator, names relative to PID namespaces, and who may read which. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addPortRule,
  type Creator,
  type Credential,
  connect,
  createRuleset,
  type DisclosureField,
  type Domain,
  disclose,
  discloseCall,
  FIRST_ID,
  HIDDEN_NAME,
  IdGenerator,
  linux,
  nextName,
  openDomain,
  type PidNamespace,
  packName,
  printId,
  type Ruleset,
  readName,
  restrictAs,
  restrictSelf,
  rulesetOf,
  type Thread,
  tellsSandboxed,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { RESTRICT_SELF } from '../../packages/landward/src/uapi/landlock.ts';
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

test('the first identifier is random and never a 32-bit number [R-003-15]', () => {
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

test('a draw advances by what it took and the gap [R-003-15]', () => {
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

test('identifiers increase, never overlap, and say no more than a bound on how many there are [R-003-15]', () => {
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

test('restored identifiers need the capability, are free, and are never given again [R-003-7, R-003-8]', () => {
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

test('a name is read in the namespace of the reader, and the initial one sees every name [R-003-2, R-003-3, R-003-4, R-003-5]', () => {
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

test('identifiers are disclosed to who is above [R-003-20]', () => {
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

test('disclosure agrees with a plain comparison of chains, field by field, and a short structure is EINVAL [R-003-20]', () => {
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

test('the generator is: next, then the count and a gap [R-003-15]', () => {
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

/** Whole numbers that look random and are the same every time. */
function pseudo(seed: number): (below: number) => number {
  let state = BigInt(seed);
  return (below) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number((state >> 33n) % BigInt(below));
  };
}

test('how many domains others have made meanwhile cannot be told from identifiers [R-003-6]', () => {
  const random = pseudo(6);
  const most = 8;
  const seen: number[][] = Array.from({ length: 200 }, () => Array<number>(most + 1).fill(0));
  for (let others = 0; others <= most; others++)
    for (let sample = 0; sample < 2000; sample++) {
      const ids = new IdGenerator(random);
      const first = ids.take();
      for (let other = 0; other < others; other++) ids.take();
      seen[Number(ids.take() - first)]![others]!++;
    }
  // Whoever guesses the likeliest number from a distance is wrong most of the time.
  const right = seen.reduce((sum, counts) => sum + Math.max(...counts), 0);
  const all = seen.flat().reduce((sum, count) => sum + count, 0);
  assert.ok(right < all / 2, `${right} of ${all}`);
  const distances = seen.filter((counts) => counts.some((count) => count > 0));
  const certain = distances.filter((counts) => counts.filter((count) => count > 0).length === 1);
  assert.ok(certain.length < distances.length / 4, 'nearly every distance has several explanations');
});

test('rulesets and domains have identifiers of one generator, and none twice [R-003-16, R-003-18]', () => {
  const ids = new IdGenerator(pseudo(16));
  const behaviour = linux(11, { knobs: { rulesetIds: true } });
  const given: bigint[] = [];
  let caller: Thread = { credential: UNRESTRICTED, noNewPrivs: true, sysAdmin: false };
  for (let round = 0; round < 16; round++) {
    const ruleset = createRuleset(behaviour, { scoped: 1 }, ids.take());
    assert.ok(ruleset.ok);
    given.push(ruleset.value.id!);
    const fd = { kind: 'ruleset', ruleset: ruleset.value, read: true, write: true } as const;
    // Flags that turn all logging off: the identifier is drawn all the same.
    const flags = round % 2 === 0 ? 0 : RESTRICT_SELF.LOG_SAME_EXEC_OFF;
    const restricted = restrictSelf(behaviour, caller, { fd, flags, id: ids.take() });
    assert.ok(restricted.ok);
    caller = restricted.value.caller;
    given.push(caller.credential.domain!.node.id!);
  }
  assert.equal(new Set(given).size, 32);
  assert.deepEqual(
    given,
    [...given].sort((a, b) => (a < b ? -1 : 1)),
  );
});

test('an identifier is printed in hex without prefix [R-003-17]', () => {
  assert.equal(printId(0x1_2345_abcdn), '12345abcd');
  assert.equal(printId(FIRST_ID), '100000000');
});

test('names of domains that are gone leave no hole', () => {
  const creator: Creator = { namespace: { parent: null }, tid: () => 7 };
  assert.equal(nextName(creator, [{ creator, version: 4 }]).version, 5);
});

test('a domain is opened by the same relation as ptrace, and not where its name is hidden [R-003-5, R-003-11]', () => {
  const behaviour = linux(11);
  const initial: PidNamespace = { parent: null };
  const inner: PidNamespace = { parent: initial };
  const name = { creator: { namespace: initial, tid: () => 5 }, version: 0 };
  const outer = confine(behaviour, [{ scoped: 1, id: 1n }]).domain!;
  const nested = confine(behaviour, [{ scoped: 1, id: 2n }], { ...UNRESTRICTED, domain: outer }).domain!;
  const other = confine(behaviour, [{ scoped: 1, id: 3n }]).domain!;
  const errno = (reader: Domain | null, target: Domain | null, namespace = initial) => {
    const opened = openDomain(reader, target, target === null ? null : name, namespace);
    return opened.ok ? 0 : opened.errno;
  };
  assert.equal(errno(null, nested), 0);
  assert.equal(errno(outer, nested), 0);
  assert.equal(errno(outer, outer), 0);
  assert.equal(errno(nested, outer), ERRNO.EPERM);
  assert.equal(errno(outer, other), ERRNO.EPERM);
  assert.equal(errno(outer, null), ERRNO.EPERM, 'as for a stranger: whether it is restricted is not told');
  assert.equal(errno(null, null), ERRNO.ENOENT);
  assert.equal(errno(null, nested, inner), errno(null, null, inner), 'hidden is as if there were none');
  assert.equal(errno(outer, nested, inner), ERRNO.ENOENT);
  assert.equal(errno(outer, outer, inner), 0, 'what one is in oneself is no secret');
});

const TCP = { family: 'inet', type: 'stream', protocol: 6, bound: false } as const;

test('a copy of a domain gives what its layers give together, and all or nothing [R-003-14]', () => {
  const behaviour = linux(11);
  const thread: Thread = { credential: UNRESTRICTED, noNewPrivs: true, sysAdmin: false };
  const layer = fc.record({
    net: fc.constantFrom(0, 1, 2, 3),
    rules: fc.array(fc.record({ port: fc.nat(3), access: fc.constantFrom(1, 2, 3) }), { maxLength: 4 }),
  });
  const stackOf = (layers: readonly { net: number; rules: readonly { port: number; access: number }[] }[]) =>
    layers.map(({ net, rules }) => {
      let ruleset = createRuleset(behaviour, { handledNet: net, scoped: 1 });
      for (const { port, access } of rules) {
        if (!ruleset.ok || (access & net) === 0) continue;
        ruleset = addPortRule(behaviour, ruleset.value, { port, access: access & net });
      }
      assert.ok(ruleset.ok);
      return ruleset.value;
    });
  const restricted = (start: Thread, rulesets: readonly Ruleset[]) =>
    restrictAs(behaviour, start, { rulesets, flags: 0, ids: rulesets.map(() => null) });
  let denied = 0;
  fc.assert(
    fc.property(
      fc.array(layer, { minLength: 1, maxLength: 3 }),
      fc.array(layer, { maxLength: 2 }),
      (copied, own) => {
        const source = restricted(thread, stackOf(copied));
        const before = restricted(thread, stackOf(own));
        assert.ok(source.ok && before.ok);
        const { domain } = source.value.caller.credential;
        const rulesets = domain!.layers.map((_, depth) => rulesetOf(domain!, depth));
        const after = restricted(before.value.caller, rulesets);
        assert.ok(after.ok);
        const made = after.value.caller.credential;
        assert.equal(made.domain!.layers.length, own.length + copied.length);
        for (let port = 0; port < 4; port++) {
          const asks = (credential: Credential) =>
            connect(behaviour, credential, TCP, { family: 'inet', length: 16, port, any: false }).allowed;
          const both: boolean = asks(source.value.caller.credential) && asks(before.value.caller.credential);
          assert.equal(asks(made), both);
          if (!both) denied++;
        }
        const full = restricted(after.value.caller, Array(17).fill(rulesets[0]));
        assert.deepEqual(full, { ok: false, errno: ERRNO.E2BIG });
      },
    ),
    { seed: 14, numRuns: 200 },
  );
  assert.ok(denied > 100);
});
