import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { eventFromJson, eventToJson } from '../../packages/landward/src/audit/event.ts';
import { describeEvent, groupKey } from '../../packages/landward/src/audit/event-text.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { escapeText } from '../../packages/landward/src/model/escape.ts';
import { denial } from '../kit/denials.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const event: DenialEvent = {
  source: 'audit',
  effect: 'denied',
  time: 1_795_312_771_127,
  serial: 1704,
  operation: 'openat',
  missing: ['fs.read_file'],
  object: { kind: 'path', path: '/etc/shadow', dev: 'vda', ino: (1n << 63n) + 1n },
  errno: 13,
  domain: { kind: 'kernel', id: 0x1bb03a3c9n },
  process: { pid: 4711, comm: 'cat', exe: '/usr/bin/cat', uid: 1000 },
};

test('the JSON form is this one, and stays', () => {
  assert.equal(
    JSON.stringify(eventToJson(event)),
    '{"version":1,"source":"audit","effect":"denied","time":1795312771127,"serial":1704,"operation":"openat",' +
      '"missing":["fs.read_file"],"object":{"kind":"path","path":"/etc/shadow","dev":"vda","ino":"9223372036854775809"},' +
      '"errno":13,"domain":{"kind":"kernel","id":"7432545225"},' +
      '"process":{"pid":4711,"comm":"cat","exe":"/usr/bin/cat","uid":1000}}',
  );
});

test('every event reads back as itself', () => {
  fc.assert(
    fc.property(denial, (one) => {
      const read = eventFromJson(JSON.parse(JSON.stringify(eventToJson(one))));
      assert.ok(read.ok, read.ok ? '' : read.reason);
      assert.deepEqual(read.value, one);
    }),
  );
});

test('a JSON that is no event is refused with the place and the reason', () => {
  const json = eventToJson(event);
  const cases: [unknown, string][] = [
    [null, 'the value is not an object'],
    [[], 'the value is not an object'],
    [{ ...json, version: 2 }, 'version is not one of 1'],
    [{ ...json, missing: 'fs.read_file' }, 'missing is not a list'],
    [{ ...json, missing: [1] }, 'missing[0] is not a string'],
    [{ ...json, object: { kind: 'path' } }, 'object.path is missing'],
    [
      { ...json, object: { kind: 'toString' } },
      'object is not an object whose kind is path, net, unix, task, mount, none',
    ],
    [
      { ...json, object: { kind: 'path', path: '/', ino: 5 } },
      'object.ino is not a 64-bit number in decimal digits between quotes',
    ],
    [
      { ...json, domain: { kind: 'kernel', id: '18446744073709551616' } },
      'domain.id is not a 64-bit number in decimal digits between quotes',
    ],
    [{ ...json, time: null }, 'time is not a number'],
    [{ ...json, effect: 'allowed' }, 'effect is not one of denied, hidden, observed'],
  ];
  for (const [value, reason] of cases) assert.deepEqual(eventFromJson(value), { ok: false, reason });
});

test('what a newer landward adds is left out', () => {
  const read = eventFromJson({ ...eventToJson(event), later: 1, process: { pid: 1, shoes: 'red' } });
  assert.deepEqual(read, { ok: true, value: { ...event, process: { pid: 1 } } });
});

test('any JSON is read or refused, never thrown', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void eventFromJson(value)));
  fc.assert(
    fc.property(
      denial,
      fc.constantFrom('object', 'process', 'blame', 'layers', 'domain', 'time'),
      fc.jsonValue(),
      (one, key, value) => void eventFromJson({ ...eventToJson(one), [key]: value }),
    ),
  );
});

test('the line for people holds nothing that a terminal could obey', () => {
  fc.assert(
    fc.property(denial, (one) => {
      const line = describeEvent(one);
      assert.equal(escapeText(line), line);
    }),
  );
  assert.equal(describeEvent(event), 'cat[4711] was denied fs.read_file on "/etc/shadow" (openat: EACCES)');
});

test('like denials have one key, unlike ones have not', () => {
  const again: DenialEvent = {
    ...event,
    source: 'supervisor',
    time: 5,
    serial: 9,
    domain: { kind: 'kernel', id: 1n },
  };
  const { domain: _, ...without } = again;
  assert.equal(groupKey(again), groupKey(event));
  assert.equal(groupKey({ ...without, process: { pid: 1, exe: '/usr/bin/cat' } }), groupKey(event));
  const others: DenialEvent[] = [
    { ...event, effect: 'observed' },
    { ...event, missing: ['fs.write_file'] },
    { ...event, object: { kind: 'path', path: '/etc/shadow', to: '/x' } },
    { ...event, object: { kind: 'unix', path: '/etc/shadow' } },
    { ...event, process: { pid: 4711, exe: '/usr/bin/less' } },
  ];
  assert.equal(new Set([event, ...others].map(groupKey)).size, 6);
});
