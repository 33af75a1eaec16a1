/** What landward's name server reads and believes, without a network. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { indexRules } from '../../packages/landward/src/model/decide-rules.ts';
import { believesAnswer, decideName } from '../../packages/landward/src/model/rules/names.ts';
import { type Answering, answer } from '../../packages/landward/src/supervisor/names/answer.ts';
import { hostsOf, resolversOf } from '../../packages/landward/src/supervisor/names/files.ts';
import {
  addressAnswer,
  isAnswer,
  readAnswer,
  readQuery,
  writeQuery,
} from '../../packages/landward/src/supervisor/names/message.ts';
import { type NameNews, NameTable } from '../../packages/landward/src/supervisor/names/table.ts';
import { addressText } from '../../packages/landward/src/supervisor/sockets/address-text.ts';
import { anyHost, byAddress, byClass, byName, grants, layerOf, netRule } from '../kit/net-rules.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const labels = (name: string) => [
  ...name.split('.').flatMap((part) => [part.length, ...Buffer.from(part)]),
  0,
];
const question = (name: string, type = 1) =>
  Uint8Array.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels(name), 0, type, 0, 1]);
const record = (owner: number[], type: number, data: number[]) => [
  ...owner,
  0,
  type,
  0,
  1,
  0,
  0,
  0,
  60,
  0,
  data.length,
  ...data,
];
const POINTER = [0xc0, 12];
/** An answer to a question, with these records. */
function reply(asked: Uint8Array, ...records: number[][]): Uint8Array {
  const bytes = [...asked, ...records.flat()];
  bytes[2] = 0x81;
  bytes[3] = 0x80;
  bytes[7] = records.length;
  return Uint8Array.from(bytes);
}

test('a query is read, and goes out with nothing else of the program in it', () => {
  const edns = [0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 4, 0, 9, 0, 0];
  const bytes = Uint8Array.from([...question('ApI.Example.COM'), ...edns]);
  bytes[11] = 1;
  const query = readQuery(bytes)!;
  assert.deepEqual(
    [query.name, query.type, query.id, query.edns],
    ['api.example.com', 1, 7, { dnssec: true }],
  );
  const out = writeQuery(query, 0xbeef);
  assert.equal(Buffer.from(out).includes('ApI'), false);
  assert.ok(Buffer.from(out).includes('\x03api\x07example\x03com\0'));
  assert.equal(out.length, 12 + query.question.length + 11);
  const answered = reply(out.subarray(0, 12 + query.question.length), record(POINTER, 1, [192, 0, 2, 1]));
  assert.ok(isAnswer(query, 0xbeef, answered));
  assert.ok(!isAnswer(query, 0xbeee, answered));
  assert.ok(!isAnswer(query, 0xbeef, reply(question('api.example.org'))));
  // The program compares the letters that it sent.
  assert.ok(Buffer.from(addressAnswer(query, answered)).includes('ApI'));
});

test('labels that no host name has are never taken for a name of a rule', () => {
  const odd = Uint8Array.from([
    0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x61, 0x2e, 0x62, 3, 0x63, 0x6f, 0x6d, 0, 0, 1, 0, 1,
  ]);
  assert.equal(readQuery(odd)!.name, 'a\\046b.com');
});

test('addresses count along the aliases of the question only', () => {
  const asked = question('www.example.com');
  const query = readQuery(asked)!;
  const cdn = labels('cdn.example.net');
  const read = readAnswer(
    query,
    reply(
      asked,
      record(POINTER, 5, cdn),
      record(cdn, 1, [192, 0, 2, 1]),
      record(labels('bank.example'), 1, [192, 0, 2, 2]),
    ),
  )!;
  assert.deepEqual(read.given, [{ address: '192.0.2.1', ttl: 60 }]);
  assert.deepEqual(read.all, ['192.0.2.1', '192.0.2.2']);
});

test('bytes of any kind are read without a fault, and without an end', () => {
  const asked = question('a.example');
  const query = readQuery(asked)!;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readQuery(bytes);
      const answered = Uint8Array.from([...reply(asked), ...bytes]);
      answered[7] = 5;
      readAnswer(query, answered);
    }),
    { numRuns: 2000 },
  );
  // A pointer to itself, and one forward.
  for (const to of [asked.length, asked.length + 5])
    assert.equal(readAnswer(query, reply(asked, record([0xc0, to], 1, [1, 2, 3, 4]))), null);
});

const layers = grants(
  netRule('allow', 'net.connect_tcp', byName('api.example.com'), 443),
  netRule('allow', 'net.connect_tcp', byName('*.wild.example'), 443),
  netRule('allow', 'net.connect_tcp', byAddress('10.0.0.0', 8), 443),
  netRule('deny', 'net.connect_tcp', byName('bad.wild.example'), 443),
);

test('a name may be asked for where some rule could let it be reached', () => {
  const verdict = (name: string, rules = layers) => decideName(indexRules(rules), name).verdict;
  assert.equal(verdict('api.example.com'), 'allow');
  assert.equal(verdict('x.wild.example'), 'allow');
  assert.equal(verdict('bad.wild.example'), 'deny');
  assert.equal(verdict('wild.example'), 'deny');
  assert.equal(
    verdict('anything.example', grants(netRule('allow', 'net.connect_tcp', anyHost, 22))),
    'allow',
  );
  // Every layer has to let it.
  const limit = [
    ...layers,
    layerOf(['net'], [netRule('allow', 'net.connect_tcp', byName('other.example'), 443)]),
  ];
  assert.equal(verdict('api.example.com', limit), 'deny');
});

test('answers that point inside are believed only where the address is allowed by itself', () => {
  const index = indexRules(layers);
  for (const address of [
    '127.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '0.0.0.0',
    '0.1.2.3',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    'fec0::1',
    '::ffff:127.0.0.1',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'no address',
  ])
    assert.equal(believesAnswer(index, address), false, address);
  for (const address of ['10.1.2.3', '198.51.100.1', '2001:db8::1', '::ffff:198.51.100.1'])
    assert.equal(believesAnswer(index, address), true, address);
  const open = indexRules(grants(netRule('allow', 'net.connect_tcp', byClass('loopback'), 80)));
  assert.ok(believesAnswer(open, '127.0.0.1'));
});

test('the answer that a program gets is the one that was looked at', async () => {
  const told: NameNews[] = [];
  const asked: string[] = [];
  const addresses = (bytes: number[][]): Answering => ({
    index: indexRules(layers),
    open: false,
    tell: (news) => told.push(news),
    ask: async (query) => {
      asked.push(query.name);
      return reply(question(query.name), ...bytes.map((data) => record(POINTER, 1, data)));
    },
    now: () => 1000,
  });
  const ask = async (name: string, ...bytes: number[][]) =>
    (await answer(addresses(bytes), readQuery(question(name))!, 'udp', 4242))[3]! & 15;
  assert.equal(await ask('api.example.com', [192, 0, 2, 1]), 0);
  assert.deepEqual(told.splice(0), [
    {
      kind: 'given',
      name: 'api.example.com',
      addresses: [{ address: '192.0.2.1', until: 1000 + 60_000 + 600_000 }],
    },
  ]);
  assert.equal(await ask('api.example.com', [192, 0, 2, 1], [127, 0, 0, 1]), 3);
  assert.equal(await ask('secret.example.org', [192, 0, 2, 1]), 3);
  assert.deepEqual(told, [
    { kind: 'refused', port: 4242, refused: { name: 'api.example.com', address: '127.0.0.1' } },
    { kind: 'refused', port: 4242, refused: { name: 'secret.example.org' } },
  ]);
  assert.deepEqual(asked, ['api.example.com', 'api.example.com']);
});

test('the table forgets in time, and takes addresses in every form', () => {
  let now = 1000;
  const { port1, port2 } = new MessageChannel();
  using table = new NameTable({ port: port2, ports: { strict: 1, open: 2 } }, () => now);
  const tell = (news: NameNews) => port1.postMessage(news);
  tell({ kind: 'resolvers', addresses: ['192.0.2.53', 'fd00::53'] });
  tell({
    kind: 'given',
    name: 'a',
    addresses: [
      { address: '192.0.2.1', until: 2000 },
      { address: '2001:db8:0:0:0:0:0:1', until: 3000 },
    ],
  });
  tell({ kind: 'given', name: 'b', addresses: [{ address: '192.0.2.1', until: 5000 }] });
  assert.deepEqual(table.namesOf('::ffff:192.0.2.1'), ['a', 'b']);
  assert.deepEqual(table.namesOf('2001:db8::1'), ['a']);
  assert.ok(
    table.isResolver('::ffff:192.0.2.53') && table.isResolver('fd00::53') && !table.isResolver('192.0.2.1'),
  );
  now = 2500;
  assert.deepEqual(table.namesOf('192.0.2.1'), ['b']);
  const heard: string[] = [];
  table.claim(7, ({ name }) => heard.push(name));
  tell({ kind: 'refused', port: 7, refused: { name: 'x' } });
  tell({ kind: 'refused', port: 8, refused: { name: 'y' } });
  table.hear();
  assert.deepEqual(heard, ['x']);
});

test('nobody makes a question about an address endless with names', () => {
  let now = 1000;
  const { port1, port2 } = new MessageChannel();
  using table = new NameTable({ port: port2, ports: { strict: 1, open: 2 } }, () => now);
  const address = '192.0.2.1';
  for (let index = 0; index < 1000; index++)
    port1.postMessage({ kind: 'given', name: `n${index}`, addresses: [{ address, until: 5000 }] });
  const known = table.namesOf(address);
  assert.equal(known.length, 256);
  // Those that were there first stay, such as the names of the policy.
  assert.equal(known[0], 'n0');
  now = 6000;
  port1.postMessage({ kind: 'given', name: 'late', addresses: [{ address, until: 7000 }] });
  assert.deepEqual(table.namesOf(address), ['late']);
  port1.close();
});

test("the machine's files are read as resolvers read them", () => {
  assert.deepEqual(
    resolversOf('# x\nnameserver 192.0.2.1\n nameserver fe80::1%eth0 # here\nsearch a\nnameserver x\n'),
    ['192.0.2.1', 'fe80::1%eth0'],
  );
  assert.deepEqual(resolversOf(''), ['127.0.0.1']);
  assert.deepEqual(hostsOf('127.0.0.1 localhost Host # no\n#1.2.3.4 a\nx y\n::1 six.\n'), [
    { name: 'localhost', address: '127.0.0.1' },
    { name: 'host', address: '127.0.0.1' },
    { name: 'six', address: '::1' },
  ]);
});

test('addresses are written as people write them', () => {
  const text = (...groups: number[]) =>
    addressText(Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));
  assert.equal(text(0, 0, 0, 0, 0, 0, 0, 0), '::');
  assert.equal(text(0, 0, 0, 0, 0, 0, 0, 1), '::1');
  assert.equal(text(0xfe80, 0, 0, 0, 1, 0, 0, 2), 'fe80::1:0:0:2');
  assert.equal(text(1, 0, 2, 3, 4, 5, 6, 7), '1:0:2:3:4:5:6:7');
  assert.equal(text(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), '64:ff9b::');
  assert.equal(text(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1), '::ffff:127.0.0.1');
});
