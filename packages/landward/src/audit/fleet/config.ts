/**
 * What is sent where: `fleet.toml`. Owns the schema and its defaults, which send nothing anywhere and name nothing.
 *
 * Secrets are not in the file but in files of their own that it names (`secrets.ts`).
 */

import { LandwardError } from '../../errors.ts';
import type { TypeOf } from '../../policy/schema-kinds.ts';
import { readDuration, readSize } from '../../policy/units.ts';
import { readConfig } from '../read-config.ts';
import { DISCLOSURE_NAMES, type Disclosure } from './disclose.ts';

const text = { kind: 'string', pattern: '^[^\\0]+$', expects: 'text' } as const;
const file = { kind: 'string', pattern: '^/[^\\0]*$', expects: 'an absolute path' } as const;
const url = {
  kind: 'string',
  pattern: '^https?://[^\\s]+$',
  expects: 'a URL that begins with http:// or https://',
} as const;
const duration = {
  kind: 'string',
  pattern: '^[0-9]+(ms|s|m|h|d)$',
  expects: 'a duration such as "30s"',
} as const;

const FLEET_SCHEMA = {
  kind: 'table',
  keys: {
    disclose: { kind: 'list', of: { kind: 'string', values: DISCLOSURE_NAMES } },
    host: text,
    prometheus: {
      kind: 'table',
      keys: {
        listen: {
          kind: 'string',
          pattern: '^(\\[[0-9a-f:.]+\\]|[0-9A-Za-z.-]+):[0-9]{1,5}$',
          expects: 'an address and a port, such as "127.0.0.1:9470"',
        },
        textfile: file,
      },
    },
    otlp: {
      kind: 'table',
      required: ['url'],
      keys: { url, logs: { kind: 'boolean' }, metrics: { kind: 'boolean' }, 'token-file': file },
    },
    clickhouse: {
      kind: 'table',
      required: ['url'],
      keys: { url, database: text, table: text, user: text, 'password-file': file },
    },
    parquet: { kind: 'table', required: ['directory'], keys: { directory: file } },
    s3: { kind: 'table', required: ['url'], keys: { url, region: text, 'key-file': file } },
    spool: { kind: 'table', keys: { directory: file, size: text } },
    batch: {
      kind: 'table',
      keys: { denials: { kind: 'integer', min: 1, max: 10_000 }, every: duration },
    },
  },
} as const;

/** A configuration with its defaults. */
export interface FleetConfig {
  readonly disclose: readonly Disclosure[];
  /** The host's name; only what is written here leaves as such. */
  readonly host?: string;
  readonly prometheus?: {
    readonly listen?: { readonly host: string; readonly port: number };
    readonly textfile?: string;
  };
  readonly otlp?: {
    readonly url: string;
    readonly logs: boolean;
    readonly metrics: boolean;
    readonly tokenFile?: string;
  };
  readonly clickhouse?: {
    readonly url: string;
    readonly database?: string;
    readonly table?: string;
    readonly user?: string;
    readonly passwordFile?: string;
  };
  readonly parquet?: { readonly directory: string };
  readonly s3?: {
    readonly url: string;
    readonly region?: string;
    readonly keyFile?: string;
  };
  readonly spool: { readonly directory?: string; readonly size: number };
  readonly batch: { readonly denials: number; readonly milliseconds: number };
}

/**
 * Reads a configuration.
 *
 * @param name the name that a person knows the text by
 * @throws LandwardError or PolicyErrors with the places
 */
export async function readFleet(name: string, source: Uint8Array | string): Promise<FleetConfig> {
  const raw = await readConfig<TypeOf<typeof FLEET_SCHEMA>>(name, source, FLEET_SCHEMA);
  const { prometheus, otlp, clickhouse, parquet, s3, spool, batch } = raw;
  const size = readSize(spool?.size ?? '64M');
  if (size === null || size < 1024)
    throw new LandwardError(
      'CONFIG_INVALID',
      `The spool's size must be such as "64M", it is '${spool?.size}'`,
    );
  const given = <K extends string, V>(key: K, value: V | undefined) =>
    (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
  return {
    disclose: raw.disclose ?? [],
    ...given('host', raw.host),
    ...given(
      'prometheus',
      prometheus && {
        ...given('listen', prometheus.listen === undefined ? undefined : address(prometheus.listen)),
        ...given('textfile', prometheus.textfile),
      },
    ),
    ...given(
      'otlp',
      otlp && {
        url: otlp.url,
        logs: otlp.logs ?? true,
        metrics: otlp.metrics ?? true,
        ...given('tokenFile', otlp['token-file']),
      },
    ),
    ...given(
      'clickhouse',
      clickhouse && {
        url: clickhouse.url,
        ...given('database', clickhouse.database),
        ...given('table', clickhouse.table),
        ...given('user', clickhouse.user),
        ...given('passwordFile', clickhouse['password-file']),
      },
    ),
    ...given('parquet', parquet && { directory: parquet.directory }),
    ...given('s3', s3 && { url: s3.url, ...given('region', s3.region), ...given('keyFile', s3['key-file']) }),
    spool: { size, ...given('directory', spool?.directory) },
    batch: { denials: batch?.denials ?? 1000, milliseconds: readDuration(batch?.every ?? '10s')! },
  };
}

function address(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':');
  const port = Number(listen.slice(colon + 1));
  if (port > 65_535)
    throw new LandwardError('CONFIG_INVALID', `A port is at most 65535, not ${port}`, { part: listen });
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}
