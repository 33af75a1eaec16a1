/**
 * What does a fleet of 10,000 hosts cost, and does the account hold? Replays one: each host has a store and a spool of its
 * own, sends over HTTP to one receiver that fails now and then and forgets that it had a batch, and exports its counts.
 *
 * Prints sizes and rates, and fails where one denial is missing, counted twice or unaccounted for.
 */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Aggregate,
  aggregateFromJson,
  aggregateOf,
  aggregateToJson,
  merge,
  readKey,
  totals,
} from '../../packages/landward/src/audit/fleet/aggregate.ts';
import { clickHouse } from '../../packages/landward/src/audit/fleet/clickhouse.ts';
import { parquetColumns } from '../../packages/landward/src/audit/fleet/parquet-sinks.ts';
import { shipAll } from '../../packages/landward/src/audit/fleet/ship.ts';
import { Spool, sinkCounts } from '../../packages/landward/src/audit/fleet/spool.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { parquetBytes } from '../../packages/landward/src/audit/store/parquet.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { printTable } from '../kit/print.ts';

const HOSTS = Number(process.env.LANDWARD_FLEET_HOSTS ?? 10_000);
const EACH = 20;
const RIGHTS = ['fs.read_file', 'fs.write_file', 'net.connect_tcp', 'fs.make_reg', 'ptrace'];

/** Numbers that are the same in each run. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function events(host: number): DenialEvent[] {
  const next = random(host + 1);
  return Array.from({ length: EACH }, (_, serial) => {
    const right = RIGHTS[Math.floor(next() * RIGHTS.length)]!;
    return {
      source: 'audit',
      effect: 'denied',
      time: Date.now() + serial,
      serial,
      operation: right.startsWith('net.') ? 'connect' : 'openat',
      missing: [right],
      errno: 13,
      object: right.startsWith('net.')
        ? { kind: 'net', address: '10.0.0.1', port: Math.floor(next() * 65_536) }
        : { kind: 'path', path: `/home/user${host}/${Math.floor(next() * 1e9)}` },
      process: { pid: serial, comm: 'node', exe: '/usr/bin/node', uid: 1000 },
    };
  });
}

/** A receiver that keeps names of records, and answers one request in eight with a failure after having kept it. */
async function receiver() {
  const seen = new Map<string, number>();
  const next = random(7);
  const got = { bytes: 0, requests: 0, records: 0 };
  const rows: Record<string, string | number | null>[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      got.bytes += body.length;
      got.requests++;
      for (const line of body.toString().trimEnd().split('\n')) {
        const record = JSON.parse(line);
        got.records++;
        const name = `${record.instance} ${record.seq}`;
        seen.set(name, (seen.get(name) ?? 0) + 1);
        if (rows.length < 1000) rows.push(record);
      }
      response.writeHead(next() < 0.125 ? 503 : 200).end();
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, got, rows, close };
}

export async function run(): Promise<void> {
  const place = realpathSync(mkdtempSync(join(tmpdir(), 'landward-bench-fleet-')));
  const collector = await receiver();
  try {
    const exported: string[] = [];
    const started = performance.now();
    let spooled = 0;
    for (let host = 0; host < HOSTS; host++) {
      using store = await openStore({ file: ':memory:' });
      const intake = new Intake(store);
      const all = events(host).map((event) => ({ kind: 'denial' as const, event }));
      // Half of it is told twice, as where the live stream and the log are both read.
      intake.add(all);
      new Intake(store).add(all.slice(0, EACH / 2));
      const spool = new Spool(
        store,
        'clickhouse',
        join(place, String(host)),
        { size: 1 << 20, batch: 8 },
        [],
      );
      const sink = clickHouse({ url: collector.url });
      while ((await shipAll(spool, sink)).failure !== undefined);
      const [counts] = sinkCounts(store);
      if (counts!.sent !== EACH || counts!.waiting !== 0)
        throw new Error(`host ${host}: ${JSON.stringify(counts)}`);
      spooled += counts!.sent;
      exported.push(aggregateToJson(aggregateOf(store)));
      rmSync(join(place, String(host)), { recursive: true });
    }
    const seconds = (performance.now() - started) / 1000;
    const twice = [...collector.seen.values()].filter((times) => times > 1).length;
    if (collector.seen.size !== HOSTS * EACH)
      throw new Error(`${collector.seen.size} of ${HOSTS * EACH} arrived`);

    const before = performance.now();
    const parts = exported.map((json) => aggregateFromJson('host', json));
    // In two halves, one of them twice and backwards: the sums must not notice.
    const middle = Math.floor(parts.length / 2);
    const merged: Aggregate = merge(
      merge(...parts.slice(0, middle)),
      merge(...parts.slice(middle).reverse()),
      merge(...parts.slice(middle)),
    );
    const mergeSeconds = (performance.now() - before) / 1000;
    let sum = 0;
    for (const [key, count] of totals(merged)) if (readKey(key).counter === 'denials') sum += count;
    if (sum !== HOSTS * EACH) throw new Error(`the counts say ${sum}`);

    const parquet = await parquetBytes(parquetColumns([]), collector.rows);
    const { got } = collector;
    const fixed = (value: number, digits = 0) => value.toFixed(digits);
    printTable(
      'A fleet, replayed',
      ['what', 'measured'],
      [
        ['hosts; denials told, stored and sent', `${HOSTS}; ${spooled}`],
        ['arrived; of these more than once', `${collector.seen.size}; ${twice}`],
        ['requests', String(got.requests)],
        [
          'bytes a denial: JSON lines; Parquet in batches of 1,000',
          `${fixed(got.bytes / got.records)}; ${fixed(parquet.length / collector.rows.length, 1)}`,
        ],
        [
          'bytes of exported counts: a host; all merged',
          `${fixed(exported.join('').length / HOSTS)}; ${aggregateToJson(merged).length}`,
        ],
        ['denials a second through store, spool and HTTP, one at a time', fixed(spooled / seconds)],
        ['hosts a second merged', fixed(parts.length / mergeSeconds)],
      ],
    );
  } finally {
    collector.close();
    rmSync(place, { recursive: true, force: true });
  }
}
