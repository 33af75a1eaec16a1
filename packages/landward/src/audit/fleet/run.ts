/**
 * A fleet configuration at work: every sink with its spool, the metrics, until a signal ends it. Owns putting the parts
 * together and in which order they end.
 */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateDirectory } from '../state-directory.ts';
import type { Store } from '../store/store.ts';
import { aggregateOf } from './aggregate.ts';
import { clickHouse } from './clickhouse.ts';
import type { FleetConfig } from './config.ts';
import { lockFolder } from './lock.ts';
import { type OtlpMetrics, otlpLogs, otlpMetrics } from './otlp.ts';
import { parquetDirectory, parquetObjects } from './parquet-sinks.ts';
import { metricsOf, serveMetrics, writeTextfile } from './prometheus.ts';
import { readKeyPair, readSecret } from './secrets.ts';
import { backoff, shipAll } from './ship.ts';
import type { Sink } from './sink.ts';
import { Spool } from './spool.ts';

/** What a run tells while it works. Texts may hold words of a receiver: escape before showing. */
export interface FleetNews {
  listening(url: string): void;
  sent(sink: string, denials: number): void;
  rejected(sink: string, denials: number): void;
  failed(sink: string, why: string): void;
}

/**
 * Sends until the signal aborts; with `once`, sends what there is and ends.
 *
 * @returns whether all that there was has been sent
 * @throws LandwardError for a library that is missing, a spool that another process works on, a place that cannot be used
 */
export async function runFleet(
  store: Store,
  config: FleetConfig,
  news: FleetNews,
  options: {
    readonly once?: boolean;
    readonly signal?: AbortSignal;
    /** Brings the store up to date; called at each turn. */
    readonly refresh?: () => void;
  } = {},
): Promise<boolean> {
  const directory = config.spool.directory ?? join(stateDirectory(), 'spool');
  using _lock = await lockFolder(directory);
  const sinks = await sinksOf(config, store.instance);
  const telemetry = await telemetryOf(config, store.instance);
  const metrics = config.prometheus === undefined ? undefined : await metricsOf(store);
  const listen = options.once === true ? undefined : config.prometheus?.listen;
  const server =
    metrics === undefined || listen === undefined ? undefined : await serveMetrics(metrics, listen);
  if (server !== undefined) news.listening(server.url);
  const limits = { size: config.spool.size, batch: config.batch.denials };
  const lines = sinks.map((sink) => ({
    sink,
    spool: new Spool(store, sink.name, join(directory, sink.name), limits, config.disclose),
  }));
  const textfile = config.prometheus?.textfile;
  const counts = async () => {
    options.refresh?.();
    if (metrics !== undefined && textfile !== undefined) await writeTextfile(metrics, textfile);
    const outcome = await telemetry?.send(aggregateOf(store));
    if (outcome !== undefined && outcome.kind !== 'accepted') news.failed('otlp metrics', outcome.why);
    return outcome === undefined || outcome.kind === 'accepted';
  };
  try {
    const loops = [
      ...lines.map(({ sink, spool }) =>
        repeat(config, options, async () => {
          const { sent, rejected, failure } = await shipAll(spool, sink, options.signal);
          if (sent > 0) news.sent(sink.name, sent);
          if (rejected > 0) news.rejected(sink.name, rejected);
          if (failure !== undefined) news.failed(sink.name, failure);
          return failure === undefined;
        }),
      ),
      repeat(config, options, counts),
    ];
    return (await Promise.all(loops)).every((whole) => whole);
  } finally {
    await server?.close();
    await telemetry?.close();
    await Promise.all(sinks.map((sink) => sink.close()));
  }
}

/** Does a thing at the configured pace, slower after failures. @returns whether the last time went well */
async function repeat(
  config: FleetConfig,
  { once, signal }: { readonly once?: boolean; readonly signal?: AbortSignal },
  act: () => Promise<boolean>,
): Promise<boolean> {
  const ended = () => once === true || signal?.aborted === true;
  for (let failures = 0; ; ) {
    const whole = await act();
    if (ended()) return whole;
    failures = whole ? 0 : failures + 1;
    const pause = whole ? config.batch.milliseconds : backoff(failures);
    await sleep(pause, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    if (ended()) return whole;
  }
}

async function sinksOf(config: FleetConfig, instance: string): Promise<readonly Sink[]> {
  const sinks: Sink[] = [];
  if (config.otlp?.logs === true) sinks.push(await otlpLogs(otlpOptions(config, instance)));
  if (config.clickhouse !== undefined) {
    const { passwordFile, ...where } = config.clickhouse;
    const password = passwordFile === undefined ? {} : { password: readSecret(passwordFile) };
    sinks.push(clickHouse({ ...where, ...password }));
  }
  if (config.parquet !== undefined) sinks.push(parquetDirectory(config.parquet.directory, config.disclose));
  if (config.s3 !== undefined) {
    const { keyFile, ...where } = config.s3;
    const credentials = keyFile === undefined ? {} : { credentials: readKeyPair(keyFile) };
    sinks.push(await parquetObjects({ ...where, ...credentials }, config.disclose));
  }
  return sinks;
}

async function telemetryOf(config: FleetConfig, instance: string): Promise<OtlpMetrics | undefined> {
  return config.otlp?.metrics === true ? otlpMetrics(otlpOptions(config, instance)) : undefined;
}

function otlpOptions({ otlp, host }: FleetConfig, instance: string) {
  return {
    url: otlp!.url,
    instance,
    ...(otlp!.tokenFile === undefined
      ? {}
      : { headers: { authorization: `Bearer ${readSecret(otlp!.tokenFile)}` } }),
    ...(host === undefined ? {} : { attributes: { 'host.name': host } }),
  };
}
