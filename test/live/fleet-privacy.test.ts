/**
 * Nothing that a configuration does not name leaves the host: denials are full of canaries, and everything that any sink
 * sends, serves or writes is searched for them. With the disclosure, the same search finds them: it can fail.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { readFleet } from '../../packages/landward/src/audit/fleet/config.ts';
import { DISCLOSURE_NAMES } from '../../packages/landward/src/audit/fleet/disclose.ts';
import { metricsOf, serveMetrics } from '../../packages/landward/src/audit/fleet/prometheus.ts';
import { runFleet } from '../../packages/landward/src/audit/fleet/run.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { type Recorded, startRecorder } from '../kit/servers.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const CANARY = 'zqcanary';
/** A denial in which everything that a program or person chose is a canary. */
const events: readonly DenialEvent[] = (
  [
    { kind: 'path', path: `/${CANARY}-path`, to: `/${CANARY}-to`, dev: `${CANARY}-dev` },
    { kind: 'net', address: `${CANARY}-address`, name: `${CANARY}-host`, port: 54321 },
    { kind: 'unix', abstract: `${CANARY}-abstract` },
    { kind: 'unix', path: `/${CANARY}-socket` },
    { kind: 'task', pid: 4_111_111, comm: `${CANARY}-task` },
    { kind: 'mount', name: `${CANARY}-mount` },
  ] as const
).map((object, serial) => ({
  source: 'audit',
  effect: 'denied',
  time: Date.now(),
  serial,
  operation: `${CANARY}-operation`,
  missing: ['fs.read_file', `${CANARY}-right`],
  errno: 13,
  object,
  domain: { kind: 'user', id: `${CANARY}-domain` },
  process: {
    pid: 4_222_222,
    comm: `${CANARY}-comm`,
    exe: `/${CANARY}-exe`,
    uid: 54_322,
    commandLine: [`${CANARY}-command`],
  },
  enforcer: { pid: 1, comm: `${CANARY}-enforcer`, exe: `/${CANARY}-enforcer`, uid: 54_323 },
  names: [`${CANARY}-name`],
  blame: {
    layer: 0,
    name: `${CANARY}-layer`,
    missing: ['fs.read_file'],
    rule: {
      text: `${CANARY}-rule`,
      origin: { file: `/${CANARY}-file`, line: 1, column: 1 },
      because: `${CANARY}-why`,
    },
  },
  run: `${CANARY}-run`,
  digest: `${CANARY}-digest`,
}));

/** Runs every sink over the canaries, and returns all that left by any way, as text. */
async function everythingSent(t: TestContext, disclose: readonly string[], more = '') {
  const place = temporaryDirectory(t, 'fleet');
  const server = await startRecorder();
  t.after(() => server.close());
  const parquet = join(place, 'parquet');
  mkdirSync(parquet);
  writeFileSync(join(place, 'key'), 'AKID\nSECRETKEY\n');
  const config = await readFleet(
    'fleet.toml',
    `disclose = ${JSON.stringify(disclose)}
${more}
[prometheus]
textfile = "${join(place, 'landward.prom')}"
[otlp]
url = "${server.url}/otlp"
[clickhouse]
url = "${server.url}/clickhouse"
[parquet]
directory = "${parquet}"
[s3]
url = "${server.url}/bucket/prefix"
key-file = "${join(place, 'key')}"
[spool]
directory = "${join(place, 'spool')}"
[batch]
denials = 4
`,
  );
  using store = await openStore({ file: ':memory:' });
  new Intake(store).add(events.map((event) => ({ kind: 'denial', event })));
  new Intake(store).add([
    { kind: 'loss', source: 'log', what: 'malformed', count: 1, reason: 'r', sample: `${CANARY}-sample` },
  ]);
  const failures: string[] = [];
  const news = {
    listening() {},
    sent() {},
    rejected: (sink: string) => void failures.push(sink),
    failed: (sink: string, why: string) => void failures.push(`${sink}: ${why}`),
  };
  assert.equal(await runFleet(store, config, news, { once: true }), true, failures.join('\n'));
  const metrics = await serveMetrics(await metricsOf(store), { host: '127.0.0.1', port: 0 });
  t.after(() => metrics.close());
  const scraped = await (await fetch(metrics.url)).text();

  const rows: object[] = [];
  const files: string[] = [];
  for (const name of readdirSync(parquet, { recursive: true, encoding: 'utf8' }).sort()) {
    files.push(name);
    const file = join(parquet, name);
    if (!statSync(file).isFile()) continue;
    rows.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(file) })));
  }
  assert.equal(rows.length, events.length);
  const json = (value: unknown) =>
    JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each));
  return {
    requests: server.requests,
    rows,
    all: [
      ...server.requests.map(({ text }) => text),
      scraped,
      readFileSync(join(place, 'landward.prom'), 'utf8'),
      json(rows),
      ...files,
    ].join('\n'),
  };
}

const count = (requests: readonly Recorded[], path: RegExp) =>
  requests.filter((request) => path.test(request.path)).length;

test('without a word in the configuration, no path, name, command, number of a person or host leaves', async (t) => {
  const { all, requests } = await everythingSent(t, []);
  assert.equal(count(requests, /^\/otlp\/v1\/logs$/), 2);
  assert.equal(count(requests, /^\/otlp\/v1\/metrics$/), 1);
  assert.equal(count(requests, /^\/clickhouse/), 2);
  assert.equal(count(requests, /^\/bucket\/prefix\/.*\.parquet$/), 2);
  assert.ok(all.includes('fs.read_file') && all.includes('landward_denials_total'), 'something was sent');
  assert.ok(!all.includes(CANARY), 'a canary left');
  // Parquet compresses: what the rows hold was searched above, the names of columns are here.
  for (const secret of ['54321', '54322', '54323', '4111111', '4222222', 'SECRETKEY'])
    assert.ok(!all.includes(secret), `${secret} left`);
  if (hostname().length > 3) assert.ok(!all.includes(hostname()), 'the host’s name left');
});

test('what is disclosed leaves, each by its own word and no other', async (t) => {
  const found = {
    path: /-path.*-to.*-abstract|-socket/s,
    address: /-address.*|54321/s,
    program: /-comm"|-exe"/,
    command: /-command/,
    user: /54322/,
    process: /4222222|-task|-domain/,
    policy: /-digest/,
    rule: /-rule|-file/,
    run: /-run/,
  } as const;
  assert.deepEqual(Object.keys(found).sort(), [...DISCLOSURE_NAMES].sort());
  for (const name of DISCLOSURE_NAMES) {
    const { rows } = await everythingSent(t, [name]);
    const text = JSON.stringify(rows, (_, each) => (typeof each === 'bigint' ? String(each) : each));
    assert.match(text, found[name], name);
    for (const other of DISCLOSURE_NAMES)
      if (other !== name) assert.doesNotMatch(text, found[other], `${other} left with ${name}`);
  }
});

test('a host is named only where the configuration names it', async (t) => {
  const { all } = await everythingSent(t, [], `host = "${CANARY}-web-1"`);
  assert.ok(all.includes(`${CANARY}-web-1`));
});
