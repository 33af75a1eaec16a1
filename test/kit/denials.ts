/** Arbitrary denials: every member there or not, hostile strings, the ends of all ranges. */

import fc from 'fast-check';
import type { DenialEvent, DenialLayer, DenialObject } from '../../packages/landward/src/model/denial.ts';

/** Strings of foreign programs: also control characters, bidirectional marks, quotes, bytes that are no UTF-8. */
export const foreign = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '/tmp/a b',
    'x\u001b[2J',
    '"\n',
    '\udcff\udc80',
    '\u202egpj',
    '',
    '=1+1',
    'type=LANDLOCK_ACCESS ',
  ),
);
const id = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const pid = fc.nat({ max: 4_194_304 });
const port = fc.nat({ max: 65_535 });

const person = fc.record(
  {
    pid,
    tid: pid,
    comm: foreign,
    exe: foreign,
    uid: fc.nat({ max: 0xffff_ffff }),
    commandLine: fc.array(foreign),
  },
  { noNullPrototype: true, requiredKeys: ['pid'] },
);

const object: fc.Arbitrary<DenialObject> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('path' as const),
      path: foreign,
      to: foreign,
      dev: foreign,
      ino: id,
      ioctl: fc.nat({ max: 0xffff }),
      directory: fc.boolean(),
    },
    { noNullPrototype: true, requiredKeys: ['kind', 'path'] },
  ),
  fc.record(
    {
      kind: fc.constant('net' as const),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'other' as const),
      address: fc.constantFrom('127.0.0.1', '2001:db8::1'),
      port,
      name: foreign,
    },
    { noNullPrototype: true, requiredKeys: ['kind'] },
  ),
  fc.record(
    { kind: fc.constant('unix' as const), path: foreign, abstract: foreign },
    { noNullPrototype: true, requiredKeys: ['kind'] },
  ),
  fc.record({ kind: fc.constant('task' as const), pid, comm: foreign }, { noNullPrototype: true }),
  fc.record(
    { kind: fc.constant('mount' as const), name: foreign, dev: foreign, ino: id },
    { noNullPrototype: true, requiredKeys: ['kind', 'name'] },
  ),
  fc.record({ kind: fc.constant('none' as const) }, { noNullPrototype: true }),
);

const missing = fc.uniqueArray(
  fc.constantFrom(
    'fs.read_file',
    'fs.write_file',
    'net.connect_tcp',
    'scope.signal',
    'ptrace',
    'unix.connect',
  ),
  { maxLength: 3 },
);

const layer: fc.Arbitrary<DenialLayer> = fc.record(
  {
    layer: fc.nat({ max: 15 }),
    name: foreign,
    missing,
    verdict: fc.constantFrom('deny' as const, 'hide' as const, 'ask' as const),
    rule: fc.record(
      {
        text: foreign,
        origin: fc.record({ file: foreign, line: fc.nat(), column: fc.nat() }, { noNullPrototype: true }),
        because: foreign,
      },
      { noNullPrototype: true, requiredKeys: ['text', 'origin'] },
    ),
  },
  { noNullPrototype: true, requiredKeys: ['layer', 'missing'] },
);

/** Any denial that a source or the supervisor could tell of. */
export const denial: fc.Arbitrary<DenialEvent> = fc.record(
  {
    source: fc.constantFrom(...(['audit', 'log', 'journal', 'kmsg', 'tracepoint', 'supervisor'] as const)),
    effect: fc.constantFrom(...(['denied', 'hidden', 'observed'] as const)),
    time: fc.double({ min: 0, max: 8e15, noNaN: true }).map((time) => time + 0),
    serial: fc.nat(),
    operation: fc.constantFrom('openat', 'connect', 'kill'),
    missing,
    object,
    errno: fc.constantFrom(1, 13, 18),
    domain: fc.oneof(
      fc.record({ kind: fc.constant('kernel' as const), id }, { noNullPrototype: true }),
      fc.record(
        { kind: fc.constant('user' as const), id: fc.constantFrom('12.0', '4711.15') },
        { noNullPrototype: true },
      ),
    ),
    process: person,
    enforcer: person,
    names: fc.array(foreign),
    blame: layer,
    layers: fc.array(layer, { maxLength: 3 }),
    run: fc.constantFrom('0123456789abcdef', 'ffffffffffffffff'),
    digest: fc.constant('ab'.repeat(32)),
  },
  { noNullPrototype: true, requiredKeys: ['source', 'effect', 'time', 'missing', 'object'] },
);
