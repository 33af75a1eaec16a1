/** What is sent to real servers is there: Prometheus scrapes it, ClickHouse holds it once although it came twice. */

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { clickHouse, clickHouseTable } from '../../packages/landward/src/audit/fleet/clickhouse.ts';
import {
  metricsOf,
  serveMetrics,
  writeTextfile,
} from '../../packages/landward/src/audit/fleet/prometheus.ts';
import { shipAll } from '../../packages/landward/src/audit/fleet/ship.ts';
import { Spool, sinkCounts } from '../../packages/landward/src/audit/fleet/spool.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { runChild } from '../kit/child.ts';
import { needPackage } from '../kit/debian.ts';
import { startClickHouse, startPrometheus, until } from '../kit/servers.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const PROMETHEUS = needPackage('prometheus', 'prometheus');
const CLICKHOUSE = needPackage('clickhouse-server', 'clickhouse-server');

const HOSTILE = '/home/me/"a\\b\n\u001b[2J\u202e,\'`;--{}';

async function filled(count: number) {
  const store = await openStore({ file: ':memory:' });
  const now = Date.now();
  new Intake(store).add(
    Array.from({ length: count }, (_, serial) => ({
      kind: 'denial' as const,
      event: {
        source: 'audit',
        effect: 'denied',
        time: now + serial,
        serial,
        operation: serial % 2 === 0 ? 'openat' : `invented"} 1\nx${serial}`,
        missing: serial % 3 === 0 ? ['fs.read_file', 'fs.write_file'] : ['net.connect_tcp'],
        errno: 13,
        object: { kind: 'path', path: `${HOSTILE}${serial}` },
        process: { pid: serial, comm: 'x"y', uid: 1000 },
      } satisfies DenialEvent,
    })),
  );
  new Intake(store).add([{ kind: 'loss', source: 'log', what: 'malformed', count: 4, reason: 'x' }]);
  return store;
}

test('a Prometheus server scrapes what the store counted', PROMETHEUS, async (t) => {
  using store = await filled(30);
  const metrics = await metricsOf(store);
  const server = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const prometheus = await startPrometheus(temporaryDirectory(t, 'prometheus'), server.url);
  t.after(() => prometheus.close());
  type Answer = { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
  const ask = async (query: string) => {
    const answer = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = (await answer.json()) as Answer;
    return data.result.length === 0 ? undefined : data.result;
  };
  const total = (query: string) => until(query, async () => (await ask(query))?.[0]?.value[1]);
  assert.equal(await total('sum(landward_denials_total)'), '30');
  assert.equal(await total('landward_lost_records_total{source="log",what="malformed"}'), '4');
  const rights = await ask('sum by (right) (landward_denied_rights_total)');
  assert.deepEqual(Object.fromEntries(rights!.map(({ metric, value }) => [metric.right, value[1]])), {
    'fs.read_file': '10',
    'fs.write_file': '10',
    'net.connect_tcp': '20',
  });
  const operations = await ask('count by (operation) (landward_denials_total)');
  assert.deepEqual(operations!.map(({ metric }) => metric.operation).sort(), ['openat', 'other']);
  assert.equal(await total('up{job="landward"}'), '1');

  for (const [path, method, status] of [
    ['/', 'GET', 404],
    ['/metrics/../etc', 'GET', 404],
    ['/metrics', 'POST', 405],
    ['/metrics', 'HEAD', 200],
  ] as const)
    assert.equal((await fetch(new URL(path, server.url), { method })).status, status, `${method} ${path}`);
});

test('the text is what Prometheus’ own checker accepts, served or as a file', PROMETHEUS, async (t) => {
  using store = await filled(30);
  const file = join(temporaryDirectory(t), 'landward.prom');
  await writeTextfile(await metricsOf(store), file);
  assert.equal(statSync(file).mode & 0o777, 0o644);
  const text = readFileSync(file, 'utf8');
  const { code, stdout, stderr } = await runChild('promtool', ['check', 'metrics'], { input: text });
  assert.equal(code, 0, stdout + stderr);
  assert.ok(!text.includes('home'), 'no path');
  assert.ok(text.split('\n').length < 120, 'labels are from known sets');
});

test('ClickHouse holds each denial once, although batches come again', CLICKHOUSE, async (t) => {
  const server = await startClickHouse(temporaryDirectory(t, 'clickhouse'));
  t.after(() => server.close());
  const auth = { 'x-clickhouse-user': 'landward', 'x-clickhouse-key': 'secret' };
  const ask = async (query: string) => {
    const answer = await fetch(server.url, { method: 'POST', body: query, headers: auth });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return text.trim();
  };
  const options = { url: server.url, table: 'denials', user: 'landward', password: 'secret' };
  const disclose = ['path', 'program', 'process', 'user'] as const;
  await ask(clickHouseTable(options, disclose));
  using store = await filled(25);
  const limits = { size: 1 << 20, batch: 10 };
  const spool = new Spool(store, 'clickhouse', temporaryDirectory(t), limits, disclose);

  const wrong = await shipAll(spool, clickHouse({ ...options, password: 'guessed' }));
  assert.equal(wrong.sent + wrong.rejected, 0, 'a wrong password costs no data');
  assert.match(wrong.failure!, /HTTP/);

  spool.fill();
  const batch = spool.next()!;
  assert.equal((await clickHouse(options).send(batch)).kind, 'accepted');
  // As after a crash between the answer and writing it down.
  const round = await shipAll(spool, clickHouse(options));
  assert.deepEqual(round, { sent: 25, rejected: 0 });
  assert.equal(await ask('SELECT count() FROM denials FINAL'), '25');
  assert.equal(await ask('SELECT uniqExact(instance), min(seq), max(seq) FROM denials'), '1\t1\t25');
  assert.equal(
    await ask(
      `SELECT rights, operation, count() FROM denials FINAL GROUP BY rights, operation ORDER BY rights, operation`,
    ),
    [
      'fs.read_file,fs.write_file\topenat\t5',
      'fs.read_file,fs.write_file\tother\t4',
      'net.connect_tcp\topenat\t8',
      'net.connect_tcp\tother\t8',
    ].join('\n'),
  );
  const paths = JSON.parse(
    await ask(
      'SELECT groupArray(path) AS paths FROM (SELECT path FROM denials FINAL ORDER BY seq) FORMAT JSON',
    ),
  );
  assert.equal(paths.data[0].paths[3], `${HOSTILE}3`, 'hostile names arrive as they are');
  assert.equal(await ask('SELECT sum(pid), any(uid) FROM denials FINAL'), '300\t1000');
  const [counts] = sinkCounts(store);
  assert.deepEqual(
    { ...counts },
    { name: 'clickhouse', sent: 25, rejected: 0, lost: 0, gone: 0, waiting: 0 },
  );
});

test('a table that is missing makes a batch wait: it can be made', CLICKHOUSE, async (t) => {
  const server = await startClickHouse(temporaryDirectory(t, 'clickhouse'));
  t.after(() => server.close());
  using store = await filled(5);
  const spool = new Spool(store, 'clickhouse', temporaryDirectory(t), { size: 1 << 20, batch: 10 }, []);
  const options = { url: server.url, table: 'absent', user: 'landward', password: 'secret' };
  const round = await shipAll(spool, clickHouse(options));
  // A table that is missing can be made: the batch waits.
  assert.equal(round.sent + round.rejected, 0);
  assert.match(round.failure!, /absent/);
});
