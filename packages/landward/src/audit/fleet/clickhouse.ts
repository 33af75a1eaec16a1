/**
 * Batches to ClickHouse over its HTTP interface, a JSON object a line. Owns the request and the table that it expects.
 *
 * A batch may come twice: the table replaces rows of the same store and number.
 */

import type { ColumnName } from '../store/columns.ts';
import { COLUMNS } from '../store/columns.ts';
import { type Disclosure, exportColumns } from './disclose.ts';
import { type Batch, type Sink, sendHttp, TIMEOUT } from './sink.ts';

/** Where and how. */
export interface ClickHouseOptions {
  readonly url: string;
  readonly database?: string | undefined;
  readonly table?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** A sink for denials as rows. */
export function clickHouse(options: ClickHouseOptions): Sink {
  const { database = 'default', table = 'landward_denials' } = options;
  const url = new URL(options.url);
  url.searchParams.set(
    'query',
    `INSERT INTO ${identifier(database)}.${identifier(table)} FORMAT JSONEachRow`,
  );
  return {
    name: 'clickhouse',
    send(batch: Batch) {
      const body = batch.records
        .map((record) => JSON.stringify({ ...record, time: Number(record.time) }))
        .join('\n');
      return sendHttp(() =>
        fetch(url, {
          method: 'POST',
          body: `${body}\n`,
          redirect: 'manual',
          signal: AbortSignal.timeout(TIMEOUT),
          headers: {
            'content-type': 'application/x-ndjson',
            ...(options.user === undefined ? {} : { 'x-clickhouse-user': options.user }),
            ...(options.password === undefined ? {} : { 'x-clickhouse-key': options.password }),
          },
        }),
      );
    },
    close: () => Promise.resolve(),
  };
}

/** The statement that makes the table, for the columns that leave; `landward fleet table` prints it. */
export function clickHouseTable(options: ClickHouseOptions, disclose: readonly Disclosure[]): string {
  const { database = 'default', table = 'landward_denials' } = options;
  const columns = exportColumns(disclose).map((name) => `  ${identifier(name)} ${typeOf(name)}`);
  return `CREATE TABLE IF NOT EXISTS ${identifier(database)}.${identifier(table)}
(
  instance String,
  seq UInt64,
${columns.join(',\n')},
  day Date MATERIALIZED toDate(intDiv(time, 1000))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, instance, seq)
`;
}

/** `time` is in milliseconds, which old servers can hold too. */
function typeOf(name: ColumnName): string {
  if (name === 'time') return 'UInt64';
  return COLUMNS[name].type === 'integer' ? 'Nullable(UInt64)' : 'Nullable(String)';
}

function identifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}
