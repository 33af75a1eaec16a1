/** Parquet to an object store: signed as S3 wants it, named so that what comes twice replaces itself; and to files. */

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { exportRecord } from '../../packages/landward/src/audit/fleet/disclose.ts';
import { parquetDirectory, parquetObjects } from '../../packages/landward/src/audit/fleet/parquet-sinks.ts';
import type { Batch } from '../../packages/landward/src/audit/fleet/sink.ts';
import { type Recorded, startRecorder } from '../kit/servers.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const NAME = '/a/"b\\\u001b\udcff=1+1';
const batch: Batch = {
  id: 'abc-1-3',
  records: [1, 2, 3].map((seq) =>
    exportRecord(
      {
        source: 'audit',
        effect: 'denied',
        time: Date.UTC(2026, 10, 22, 23, 59, 59, 900) + seq,
        missing: ['fs.read_file'],
        object: { kind: 'path', path: `${NAME}${seq}` },
        process: { pid: 4_000_000_000 },
      },
      { instance: 'abc', seq },
      ['path', 'process'],
    ),
  ),
};
const read = async (bytes: Buffer | Uint8Array) => {
  const file = new Uint8Array(bytes).buffer as ArrayBuffer;
  return parquetReadObjects({ file });
};

/** The signature that a request must have, by the published rules of Signature Version 4, from nothing but the request. */
function expectedSignature({ method, path, headers, body }: Recorded, secret: string): string {
  const sha = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const [, scope, signed] = /Credential=[^/]+\/(\S+), SignedHeaders=([^,]+)/.exec(
    headers.authorization ?? '',
  )!;
  const [date, region, service] = scope!.split('/');
  const url = new URL(path, 'http://x');
  // A body that is not part of the signature is named so in its header.
  const payload = (headers['x-amz-content-sha256'] as string | undefined) ?? sha(body);
  assert.ok(payload === 'UNSIGNED-PAYLOAD' || payload === sha(body), 'the hash is that of the body');
  const canonical = [
    method,
    url.pathname,
    url.search.slice(1),
    ...signed!.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    payload,
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce(
    (sofar: string | Buffer, part) => hmac(sofar, part!),
    `AWS4${secret}`,
  );
  return hmac(key, text).toString('hex');
}

test('an object is put where its batch says, signed, and holds the rows', async (t) => {
  const server = await startRecorder();
  t.after(() => server.close());
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  };
  const sink = await parquetObjects(
    { url: `${server.url}/bucket/prefix/`, credentials, region: 'eu-central-1' },
    ['path', 'process'],
  );
  assert.deepEqual(await sink.send(batch), { kind: 'accepted' });
  assert.deepEqual(await sink.send(batch), { kind: 'accepted' });
  const [first, second] = server.requests;
  assert.equal(first!.method, 'PUT');
  assert.equal(first!.path, '/bucket/prefix/2026-11-22/abc-1-3.parquet');
  assert.equal(second!.path, first!.path);
  assert.match(
    first!.headers.authorization!,
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/s3\/aws4_request/,
  );
  const signature = /Signature=([0-9a-f]{64})/.exec(first!.headers.authorization!)![1];
  assert.equal(signature, expectedSignature(first!, credentials.secretAccessKey));
  assert.notEqual(signature, expectedSignature(first!, 'another key'));
  const rows = await read(first!.body);
  assert.equal(rows.length, 3);
  // A byte that is no UTF-8 has no place in Parquet's text.
  assert.equal(rows[0]!.path, `${NAME}1`.toWellFormed());
  assert.equal(rows[2]!.pid, 4_000_000_000n);
  assert.deepEqual(rows[1]!.time, new Date(Date.UTC(2026, 10, 22, 23, 59, 59, 902)));
});

test('without keys a plain PUT goes out; a store that is down makes it wait', async (t) => {
  const server = await startRecorder(({ path }) => (path.startsWith('/down') ? 503 : 204));
  t.after(() => server.close());
  const up = await parquetObjects({ url: `${server.url}/up` }, []);
  assert.equal((await up.send(batch)).kind, 'accepted');
  assert.equal(server.requests[0]!.headers.authorization, undefined);
  const down = await parquetObjects({ url: `${server.url}/down` }, []);
  assert.deepEqual(await down.send(batch), { kind: 'later', why: 'HTTP 503' });
  const nobody = await parquetObjects({ url: 'http://127.0.0.1:1/x' }, []);
  assert.equal((await nobody.send(batch)).kind, 'later');
});

test('files appear whole, once a batch, for their owner alone', async (t) => {
  const folder = temporaryDirectory(t);
  const sink = parquetDirectory(folder, ['path']);
  await sink.send(batch);
  await sink.send(batch);
  assert.deepEqual(readdirSync(join(folder, '2026-11-22')), ['abc-1-3.parquet']);
  const file = join(folder, '2026-11-22/abc-1-3.parquet');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await parquetReadObjects({ file: await asyncBufferFromFile(file) })).length, 3);
  const lost = parquetDirectory(join(folder, 'absent'), []);
  assert.equal((await lost.send(batch)).kind, 'later', 'a disk that is not there makes it wait');
});
