/**
 * Counts for Prometheus through its client library: the text that a server scrapes, or a file for the node exporter.
 *
 * Owns the names of metrics. Labels are from known sets; nothing of a program is in them.
 */

import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LandwardError } from '../../errors.ts';
import { loadPeer } from '../peers.ts';
import { storeFacts } from '../store/stats.ts';
import type { Store } from '../store/store.ts';
import { aggregateOf, COUNTERS, type CounterName, readKey, totals } from './aggregate.ts';
import { sinkCounts } from './spool.ts';

const HELP = {
  denials: 'Denials by teller, effect, system call and kind of object',
  rights: 'Denied rights: one denial may lack several',
  lost: 'Records of denials that were lost or not understood',
  uncounted: 'How often records were lost without saying how many',
  pruned: 'Denials that the store threw away to keep its bounds',
  alarms: 'Alarms by rule',
} as const satisfies Readonly<Record<CounterName, string>>;

const NAMES = {
  denials: 'landward_denials_total',
  rights: 'landward_denied_rights_total',
  lost: 'landward_lost_records_total',
  uncounted: 'landward_uncounted_losses_total',
  pruned: 'landward_pruned_denials_total',
  alarms: 'landward_alarms_total',
} as const satisfies Readonly<Record<CounterName, string>>;

/** The metrics of a store, ready to be told. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/**
 * The metrics of a store. Counts are read each time that they are told.
 *
 * @throws LandwardError PEER_MISSING
 */
export async function metricsOf(store: Store): Promise<Metrics> {
  const { Counter, Gauge, Registry } = await loadPeer(
    ['prom-client'],
    'Prometheus metrics',
    () => import('prom-client'),
  );
  const registry = new Registry();
  const registers = [registry];
  for (const counter of Object.keys(COUNTERS) as CounterName[]) {
    const labelNames: readonly string[] = COUNTERS[counter];
    new Counter({
      name: NAMES[counter],
      help: HELP[counter],
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [key, sum] of totals(aggregateOf(store))) {
          const found = readKey(key);
          if (found.counter !== counter) continue;
          this.inc(Object.fromEntries(labelNames.map((label, index) => [label, found.labels[index]!])), sum);
        }
      },
    });
  }
  for (const what of ['sent', 'rejected', 'lost', 'gone'] as const)
    new Counter({
      name: `landward_sink_${what}_total`,
      help: `Denials that a sink has ${what}`,
      labelNames: ['sink'],
      registers,
      collect() {
        this.reset();
        for (const sink of sinkCounts(store)) this.inc({ sink: sink.name }, sink[what]);
      },
    });
  new Gauge({
    name: 'landward_sink_waiting',
    help: 'Denials that a sink has not sent yet',
    labelNames: ['sink'],
    registers,
    collect() {
      this.reset();
      for (const sink of sinkCounts(store)) this.set({ sink: sink.name }, sink.waiting);
    },
  });
  new Gauge({
    name: 'landward_store_denials',
    help: 'Denials in the store',
    registers,
    collect() {
      this.set(storeFacts(store).events);
    },
  });
  new Gauge({
    name: 'landward_store_bytes',
    help: 'Bytes that the store uses',
    registers,
    collect() {
      this.set(storeFacts(store).bytes);
    },
  });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

/** Writes the metrics to a file that appears whole, readable for the exporter that collects such files. */
export async function writeTextfile(metrics: Metrics, file: string): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    writeFileSync(part, await metrics.text(), { flag: 'wx', mode: 0o644 });
    chmodSync(part, 0o644);
    renameSync(part, file);
  } catch (cause) {
    throw new LandwardError(
      'CONFIG_INVALID',
      `The file ${file} cannot be written: ${(cause as Error).message}`,
      {
        part: file,
        cause,
      },
    );
  } finally {
    rmSync(part, { force: true });
  }
}

/** A server that tells metrics and nothing else. */
export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves metrics at `/metrics`.
 *
 * @param listen an address with a port; port 0 takes a free one
 */
export async function serveMetrics(
  metrics: Metrics,
  listen: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server: Server = createServer((request, response) => {
    const { method, url } = request;
    request.resume();
    if (url?.split('?')[0] !== '/metrics') response.writeHead(404).end('landward tells /metrics\n');
    else if (method !== 'GET' && method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
    else
      metrics.text().then(
        (text) =>
          response.writeHead(200, { 'content-type': metrics.contentType }).end(method === 'HEAD' ? '' : text),
        () => response.writeHead(500).end('the store cannot be read\n'),
      );
  });
  server.maxConnections = 64;
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((ready, failed) => {
    server.once('error', (cause) =>
      failed(
        new LandwardError(
          'CONFIG_INVALID',
          `Metrics cannot be served at ${listen.host}:${listen.port}: ${cause.message}`,
          { cause },
        ),
      ),
    );
    server.listen(listen.port, listen.host, ready);
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/metrics`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
