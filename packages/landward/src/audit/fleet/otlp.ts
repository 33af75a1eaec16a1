/**
 * OTLP through the official SDK: denials as log records, counts as cumulative metrics, protobuf over HTTP.
 *
 * The exporter is called directly, not through the SDK's batching, which drops what does not fit and tells nobody. The
 * resource is landward's name and the store's random name: no detector looks at the host.
 */

import { loadPeer } from '../peers.ts';
import { type Aggregate, COUNTERS, type CounterName, readKey, totals } from './aggregate.ts';
import { ACCEPTED, type Batch, type Outcome, type Sink, TIMEOUT } from './sink.ts';

/** Where and how. */
export interface OtlpOptions {
  /** The receiver's base, such as `http://127.0.0.1:4318`; `/v1/logs` and `/v1/metrics` are added. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly instance: string;
  /** Attributes of the resource that the configuration names, such as `host.name`. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

const PEERS = [
  '@opentelemetry/api',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-logs',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/exporter-logs-otlp-proto',
  '@opentelemetry/exporter-metrics-otlp-proto',
];

/** SeverityNumber of OTLP: WARN. */
const WARN = 13;

const base = (url: string) => url.replace(/\/+$/, '');

/**
 * A sink for denials as log records.
 *
 * @throws LandwardError PEER_MISSING
 */
export async function otlpLogs(options: OtlpOptions): Promise<Sink> {
  const [{ LoggerProvider }, { OTLPLogExporter }, { resourceFromAttributes }] = await loadPeer(
    PEERS,
    'OTLP logs',
    () =>
      Promise.all([
        import('@opentelemetry/sdk-logs'),
        import('@opentelemetry/exporter-logs-otlp-proto'),
        import('@opentelemetry/resources'),
      ]),
  );
  type Exporter = InstanceType<typeof OTLPLogExporter>;
  type Records = Parameters<Exporter['export']>[0];
  let collected: Records = [];
  const provider = new LoggerProvider({
    resource: resourceFromAttributes(attributesOf(options)),
    processors: [
      {
        onEmit: (record) => collected.push(record),
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  });
  const exporter = new OTLPLogExporter({
    url: `${base(options.url)}/v1/logs`,
    headers: { ...options.headers },
    timeoutMillis: TIMEOUT,
  });
  const logger = provider.getLogger('landward');
  return {
    name: 'otlp',
    send(batch: Batch) {
      collected = [];
      for (const { time, ...rest } of batch.records) {
        const attributes: Record<string, string | number> = {};
        for (const [name, value] of Object.entries(rest))
          if (value !== null) attributes[`landward.${name}`] = value;
        logger.emit({
          timestamp: new Date(Number(time)),
          severityNumber: WARN,
          severityText: 'WARN',
          eventName: 'landward.denial',
          body: `${rest.effect} ${rest.rights}`,
          attributes,
        });
      }
      return answer((done) => exporter.export(collected, done));
    },
    async close() {
      await provider.shutdown();
      await exporter.shutdown();
    },
  };
}

/** Sends counts. Counts are whole each time, so that a lost or repeated message costs nothing. */
export interface OtlpMetrics {
  send(aggregate: Aggregate): Promise<Outcome>;
  close(): Promise<void>;
}

/**
 * A sender of counts.
 *
 * @throws LandwardError PEER_MISSING
 */
export async function otlpMetrics(options: OtlpOptions): Promise<OtlpMetrics> {
  const [{ MeterProvider, MetricReader }, { OTLPMetricExporter }, { resourceFromAttributes }] =
    await loadPeer(PEERS, 'OTLP metrics', () =>
      Promise.all([
        import('@opentelemetry/sdk-metrics'),
        import('@opentelemetry/exporter-metrics-otlp-proto'),
        import('@opentelemetry/resources'),
      ]),
    );
  class Reader extends MetricReader {
    protected override onForceFlush() {
      return Promise.resolve();
    }
    protected override onShutdown() {
      return Promise.resolve();
    }
  }
  // Labels are from known sets: the SDK's own limit would fold some of them into one.
  const reader = new Reader({ cardinalitySelector: () => 100_000 });
  const provider = new MeterProvider({
    resource: resourceFromAttributes(attributesOf(options)),
    readers: [reader],
  });
  const exporter = new OTLPMetricExporter({
    url: `${base(options.url)}/v1/metrics`,
    headers: { ...options.headers },
    timeoutMillis: TIMEOUT,
  });
  const meter = provider.getMeter('landward');
  let current: Aggregate = new Map();
  for (const name of Object.keys(COUNTERS) as CounterName[])
    meter.createObservableCounter(`landward.${name}`).addCallback((result) => {
      for (const [key, sum] of totals(current)) {
        const { counter, labels } = readKey(key);
        if (counter !== name) continue;
        const names: readonly string[] = COUNTERS[counter];
        result.observe(sum, Object.fromEntries(names.map((label, index) => [label, labels[index]!])));
      }
    });
  return {
    async send(aggregate) {
      current = aggregate;
      const { resourceMetrics } = await reader.collect();
      return answer((done) => exporter.export(resourceMetrics, done));
    },
    async close() {
      await provider.shutdown();
      await exporter.shutdown();
    },
  };
}

function attributesOf({ instance, attributes }: OtlpOptions): Record<string, string> {
  return { 'service.name': 'landward', 'service.instance.id': instance, ...attributes };
}

/** The exporter's answer as an outcome. Its codes are those of the SDK's `ExportResultCode`, its errors carry the HTTP status. */
function answer(
  start: (done: (result: { code: number; error?: Error & { code?: number | string } }) => void) => void,
): Promise<Outcome> {
  return new Promise((told) =>
    start(({ code, error }) => {
      if (code === 0) told(ACCEPTED);
      else
        told({
          kind: error?.code === 400 || error?.code === 413 ? 'rejected' : 'later',
          why: error?.message ?? 'the exporter failed',
        });
    }),
  );
}
