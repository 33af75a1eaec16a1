import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  type Aggregate,
  aggregateFromJson,
  aggregateOf,
  aggregateToJson,
  merge,
  readKey,
  totals,
} from '../../packages/landward/src/audit/fleet/aggregate.ts';
import { DISCLOSURE_NAMES, exportRecord } from '../../packages/landward/src/audit/fleet/disclose.ts';
import { setBounds } from '../../packages/landward/src/audit/store/bounds.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import { denial } from '../kit/denials.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const key = fc.constantFrom(
  '["alarms","a"]',
  '["alarms","b"]',
  '["pruned"]',
  '["lost","log","malformed"]',
  '["rights","audit","denied","ptrace","task"]',
);
/** Counts as a store could have had them: any store, any moment. */
const aggregate: fc.Arbitrary<Aggregate> = fc
  .array(fc.tuple(fc.constantFrom('h1', 'h2', 'h3'), fc.array(fc.tuple(key, fc.nat({ max: 1e9 })))), {
    maxLength: 4,
  })
  .map((stores) => merge(...stores.map(([instance, counts]) => new Map([[instance, new Map(counts)]]))));
const same = (a: Aggregate, b: Aggregate) => assert.equal(aggregateToJson(a), aggregateToJson(b));

test('merging is associative, commutative and idempotent, with nothing as its neutral element', () => {
  fc.assert(
    fc.property(aggregate, aggregate, aggregate, (a, b, c) => {
      same(merge(a, merge(b, c)), merge(merge(a, b), c));
      same(merge(a, b), merge(b, a));
      same(merge(a, a), a);
      same(merge(a, b, a, b), merge(a, b));
      same(merge(a, new Map()), a);
    }),
  );
});

test('the JSON form is read back, and a text that is none is refused', () => {
  fc.assert(fc.property(aggregate, (a) => same(aggregateFromJson('a', aggregateToJson(a)), a)));
  const hostile = [
    '',
    '[]',
    '{"version":2,"stores":[]}',
    '{"version":1,"stores":[{"instance":"x","counts":[["[\\"denials\\"]",1]]}]}',
    '{"version":1,"stores":[{"instance":"x","counts":[["[\\"invented\\",\\"/home\\"]",1]]}]}',
    '{"version":1,"stores":[{"instance":"x","counts":[["[\\"pruned\\"]",-1]]}]}',
    '{"version":1,"stores":[{"instance":"x","counts":[["not json",1]]}]}',
    '{"version":1,"stores":[{"instance":"x","counts":[null]}]}',
  ];
  for (const text of hostile)
    assert.throws(
      () => aggregateFromJson('hosts.json', text),
      (error: unknown) => error instanceof LandwardError && error.code === 'CONFIG_INVALID',
      text,
    );
});

test('the sums over hosts are the sums over their denials, whenever and how often each host told', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(denial, { maxLength: 8 }), { maxLength: 4 }), async (hosts) => {
      const told: Aggregate[] = [];
      for (const events of hosts) {
        using store = await openStore({ file: ':memory:' });
        const intake = new Intake(store);
        for (const event of events) {
          intake.add([{ kind: 'denial', event }]);
          told.push(aggregateOf(store));
        }
      }
      const events = hosts.flat();
      // Backwards, and everything twice: neither order nor repetition matters.
      const sums = totals(merge(...told.toReversed(), ...told));
      let denials = 0;
      let rights = 0;
      for (const [name, sum] of sums) {
        const { counter } = readKey(name);
        if (counter === 'denials') denials += sum;
        if (counter === 'rights') rights += sum;
      }
      assert.equal(denials, events.length);
      assert.equal(
        rights,
        events.reduce((sum, { missing }) => sum + missing.length, 0),
      );
    }),
    { numRuns: 40 },
  );
});

test('counts never fall: not when denials are thrown away, not when hours are folded', async () => {
  using store = await openStore({ file: ':memory:' });
  const now = Date.now();
  const events = [now - 500 * 86_400_000, now - 86_400_000, now].map((time) => ({
    kind: 'denial' as const,
    event: {
      source: 'supervisor' as const,
      effect: 'denied' as const,
      time,
      missing: ['ptrace'],
      object: { kind: 'none' as const },
    },
  }));
  new Intake(store).add(events);
  const before = aggregateOf(store);
  setBounds(store, { age: 60_000 });
  const after = aggregateOf(store);
  same(merge(before, after), after);
  assert.equal(totals(after).get('["pruned"]'), 2);
  assert.equal(totals(after).get('["denials","supervisor","denied","","none"]'), 3);
});

test('no name that a program chose is a label, and records hold none that is not asked for', () => {
  fc.assert(
    fc.property(denial, fc.string({ minLength: 3 }), (event, invented) => {
      const hostile = { ...event, operation: `${invented}!`, missing: [...event.missing, `${invented}!`] };
      const record = exportRecord(hostile, { instance: 'i', seq: 1 }, []);
      assert.deepEqual(Object.keys(record).sort(), [
        'effect',
        'errno',
        'instance',
        'layer',
        'object',
        'operation',
        'rights',
        'seq',
        'source',
        'time',
      ]);
      assert.equal(record.operation, 'other');
      assert.match(String(record.rights), /^[a-z_.,]*$/);
    }),
  );
  assert.equal(new Set(DISCLOSURE_NAMES).size, DISCLOSURE_NAMES.length);
});
