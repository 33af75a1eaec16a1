/**
 * Batches as Parquet files: in a directory, or as objects of a store that speaks S3 (or takes a plain PUT).
 *
 * The name of a file is the name of its batch, so that one that comes twice replaces itself.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadPeer } from '../peers.ts';
import { COLUMNS } from '../store/columns.ts';
import { type ParquetColumn, parquetBytes, writeParquetFile } from '../store/parquet.ts';
import { type Disclosure, exportColumns } from './disclose.ts';
import { ACCEPTED, type Batch, type Sink, sendHttp, TIMEOUT } from './sink.ts';

/** The columns of a file. */
export function parquetColumns(disclose: readonly Disclosure[]): readonly ParquetColumn[] {
  return [
    { name: 'instance', type: 'text' },
    { name: 'seq', type: 'integer' },
    ...exportColumns(disclose).map((name) => ({ name, type: COLUMNS[name].type })),
  ];
}

/** Files in a directory that exists, one a batch, below a folder for each day on which a batch was made. */
export function parquetDirectory(directory: string, disclose: readonly Disclosure[]): Sink {
  const columns = parquetColumns(disclose);
  return {
    name: 'parquet',
    async send(batch: Batch) {
      try {
        const folder = join(directory, dayOf(batch));
        makeFolder(folder);
        await writeParquetFile(join(folder, `${batch.id}.parquet`), columns, batch.records);
        return ACCEPTED;
      } catch (error) {
        // A library that is not installed stays so; a full disk does not.
        if ((error as { code?: string }).code === 'PEER_MISSING') throw error;
        return { kind: 'later', why: (error as Error).message };
      }
    },
    close: () => Promise.resolve(),
  };
}

/** The directory itself must be there: a disk that is not mounted must not be written past. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Where objects go, and who says so. */
export interface ObjectOptions {
  /** The bucket and a prefix, such as `https://s3.example.com/bucket/landward`. */
  readonly url: string;
  /** Signs requests (SigV4) where given. */
  readonly credentials?:
    | {
        readonly accessKeyId: string;
        readonly secretAccessKey: string;
        readonly sessionToken?: string | undefined;
      }
    | undefined;
  readonly region?: string | undefined;
}

/**
 * Objects of a store, one a batch.
 *
 * @throws LandwardError PEER_MISSING where requests are to be signed and aws4fetch is not installed
 */
export async function parquetObjects(options: ObjectOptions, disclose: readonly Disclosure[]): Promise<Sink> {
  const columns = parquetColumns(disclose);
  const put = await putter(options);
  return {
    name: 's3',
    async send(batch: Batch) {
      const body = await parquetBytes(columns, batch.records);
      const url = `${options.url.replace(/\/+$/, '')}/${dayOf(batch)}/${batch.id}.parquet`;
      return sendHttp(() =>
        put(url, {
          method: 'PUT',
          body,
          redirect: 'manual',
          signal: AbortSignal.timeout(TIMEOUT),
          headers: { 'content-type': 'application/vnd.apache.parquet' },
        }),
      );
    },
    close: () => Promise.resolve(),
  };
}

type Put = (url: string, init: RequestInit & { readonly body: Uint8Array }) => Promise<Response>;

async function putter({ credentials, region }: ObjectOptions): Promise<Put> {
  if (credentials === undefined) return (url, init) => fetch(url, init as RequestInit);
  const { AwsClient } = await loadPeer(['aws4fetch'], 'Signed requests to S3', () => import('aws4fetch'));
  const { sessionToken, ...keys } = credentials;
  const client = new AwsClient({
    ...keys,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: 's3',
    region: region ?? 'us-east-1',
    retries: 0,
  });
  return (url, init) => client.fetch(url, init as RequestInit);
}

/** The day of the first denial of a batch: stays the same however often it is sent. */
function dayOf({ records }: Batch): string {
  const time = Number(records[0]?.time ?? 0);
  return new Date(Math.max(0, Math.min(253_402_300_799_999, time))).toISOString().slice(0, 10);
}
