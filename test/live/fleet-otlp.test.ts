/**
 * OTLP from the official SDK, read back from its bytes by a reader that shares nothing with it; where Python has the
 * official package of the protocol (`opentelemetry-proto`), that reads them too.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { aggregateOf } from '../../packages/landward/src/audit/fleet/aggregate.ts';
import { exportRecord } from '../../packages/landward/src/audit/fleet/disclose.ts';
import { otlpLogs, otlpMetrics } from '../../packages/landward/src/audit/fleet/otlp.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { attributes, LOGS, METRICS, type Message, readMessage } from '../kit/otlp.ts';
import { startRecorder } from '../kit/servers.ts';

const event = (serial: number): DenialEvent => ({
  source: 'audit',
  effect: 'denied',
  time: 1_700_000_000_000 + serial,
  serial,
  operation: 'openat',
  missing: ['fs.read_file', 'fs.write_file'],
  errno: 13,
  object: { kind: 'path', path: '/etc/shadow' },
});
const records = [1, 2, 3].map((seq) => exportRecord(event(seq), { instance: 'abc', seq }, []));
const options = (url: string) => ({ url, instance: 'abc' });
const resourceOf = (message: Message) => attributes(message.resources[0].resource.attributes);

test('denials arrive as log records, with nothing in their resource but landward and a random name', async (t) => {
  const server = await startRecorder();
  t.after(() => server.close());
  const sink = await otlpLogs({ ...options(server.url), headers: { authorization: 'Bearer token' } });
  t.after(() => sink.close());
  assert.deepEqual(await sink.send({ id: 'b', records }), { kind: 'accepted' });
  const [request] = server.requests;
  assert.equal(request!.path, '/v1/logs');
  assert.equal(request!.headers.authorization, 'Bearer token');
  assert.equal(request!.headers['content-type'], 'application/x-protobuf');
  const message = readMessage(LOGS, request!.body);
  assert.deepEqual(resourceOf(message), { 'service.name': 'landward', 'service.instance.id': 'abc' });
  const told = message.resources[0].scopes[0].records as Message[];
  assert.equal(told.length, 3);
  assert.equal(told[1]!.time, 1_700_000_000_002_000_000n);
  assert.equal(told[1]!.eventName, 'landward.denial');
  assert.equal(told[1]!.severity, 13);
  assert.deepEqual(attributes(told[1]!.attributes), {
    'landward.instance': 'abc',
    'landward.seq': 2,
    'landward.source': 'audit',
    'landward.effect': 'denied',
    'landward.operation': 'openat',
    'landward.rights': 'fs.read_file,fs.write_file',
    'landward.errno': 'EACCES',
    'landward.object': 'path',
  });
});

test('counts arrive as cumulative sums, and the same again the next time', async (t) => {
  const server = await startRecorder();
  t.after(() => server.close());
  const sender = await otlpMetrics(options(server.url));
  t.after(() => sender.close());
  using store = await openStore({ file: ':memory:' });
  const intake = new Intake(store);
  intake.add([1, 2, 3].map((serial) => ({ kind: 'denial', event: event(serial) })));
  const sums = async () => {
    assert.deepEqual(await sender.send(aggregateOf(store)), { kind: 'accepted' });
    const request = server.requests.at(-1)!;
    assert.equal(request.path, '/v1/metrics');
    const message = readMessage(METRICS, request.body);
    assert.deepEqual(resourceOf(message), { 'service.name': 'landward', 'service.instance.id': 'abc' });
    return Object.fromEntries(
      (message.resources[0].scopes[0].metrics as Message[]).map(({ name, sum }) => {
        // CUMULATIVE, and only ever growing.
        assert.deepEqual([sum.temporality, sum.monotonic], [2, 1]);
        return [
          name,
          (sum.points as Message[]).map((point) => [attributes(point.attributes), point.int ?? point.double]),
        ];
      }),
    );
  };
  const expected = (count: number) => ({
    'landward.denials': [[{ source: 'audit', effect: 'denied', operation: 'openat', object: 'path' }, count]],
    'landward.rights': [
      [{ source: 'audit', effect: 'denied', right: 'fs.read_file', object: 'path' }, count],
      [{ source: 'audit', effect: 'denied', right: 'fs.write_file', object: 'path' }, count],
    ],
  });
  assert.deepEqual(await sums(), expected(3));
  assert.deepEqual(await sums(), expected(3));
  intake.add([{ kind: 'denial', event: event(4) }]);
  assert.deepEqual(await sums(), expected(4));
});

test('a receiver that refuses for now makes a batch wait, one that refuses its content ends it', async (t) => {
  let status = 401;
  const server = await startRecorder(() => status);
  t.after(() => server.close());
  const sink = await otlpLogs(options(server.url));
  t.after(() => sink.close());
  assert.equal((await sink.send({ id: 'b', records })).kind, 'later');
  status = 400;
  assert.equal((await sink.send({ id: 'b', records })).kind, 'rejected');
  status = 200;
  assert.equal((await sink.send({ id: 'b', records })).kind, 'accepted');
  const nobody = await otlpLogs(options('http://127.0.0.1:1'));
  t.after(() => nobody.close());
});

const PYTHON = `
import sys
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
request = ExportLogsServiceRequest.FromString(sys.stdin.buffer.read())
for group in request.resource_logs[0].scope_logs:
    for record in group.log_records:
        print(record.event_name, record.body.string_value, record.time_unix_nano)
`;
const hasPython =
  spawnSync('python3', ['-c', 'import opentelemetry.proto.collector.logs.v1.logs_service_pb2']).status === 0;

test(
  'the official package of the protocol reads the same',
  hasPython ? {} : { skip: 'needs the Python package opentelemetry-proto, which is not installed' },
  async (t) => {
    const server = await startRecorder();
    t.after(() => server.close());
    const sink = await otlpLogs(options(server.url));
    t.after(() => sink.close());
    await sink.send({ id: 'b', records });
    const { stdout, stderr } = spawnSync('python3', ['-c', PYTHON], {
      input: server.requests[0]!.body,
      encoding: 'utf8',
    });
    assert.equal(
      stdout,
      [1, 2, 3]
        .map((seq) => `landward.denial denied fs.read_file,fs.write_file 170000000000${seq}000000\n`)
        .join(''),
      stderr,
    );
  },
);
