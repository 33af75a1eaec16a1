/**
 * Bytes of a file of any size, plain or gzip, to its end or followed through rotation. Owns no meaning of the bytes.
 *
 * A chunk is valid until the next one is asked for; an empty one says that a followed file has no more for now. Where the input is interrupted (the file was replaced or shortened),
 * a `Break` says so: what was carried over a chunk's border is cut there.
 */

import { type FileHandle, open, stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { LandwardError } from '../../errors.ts';
import { quote } from '../../model/escape.ts';

/** The bytes do not go on: another file begins. `lost` tells what may be missing in between. */
export interface Break {
  readonly lost: string | null;
}

export type Piece = Buffer | Break;

export interface InputOptions {
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where a followed file begins: at its first byte, or at the bytes that come from now on. */
  readonly from?: 'start' | 'end' | undefined;
}

const CHUNK = 1 << 20;
/** How often a followed file is looked at, milliseconds. */
const POLL_MS = 200;

/**
 * Opens a file.
 *
 * @param path the file, or `-` for standard input
 * @throws LandwardError SOURCE where it can't be opened
 */
export async function* readInput(path: string, options: InputOptions = {}): AsyncGenerator<Piece> {
  const handle = await openFile(path);
  try {
    const first = Buffer.allocUnsafeSlow(CHUNK);
    const position = options.follow && options.from === 'end' ? (await handle.stat()).size : null;
    const begin = await fill(handle, first, position);
    if (begin >= 2 && first[0] === 0x1f && first[1] === 0x8b) {
      yield* unzip(handle, first.subarray(0, begin));
    } else if (options.follow === true && path !== '-') {
      yield* followed(path, handle, first, begin, (position ?? 0) + begin, options.signal);
    } else {
      for (
        let length = begin;
        length > 0 && !options.signal?.aborted;
        length = await fill(handle, first, null)
      )
        yield first.subarray(0, length);
    }
  } finally {
    await handle.close().catch(() => {}); // A followed file may have been closed for its successor.
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const handle = await open(path === '-' ? '/dev/stdin' : path, 'r');
    if (!(await handle.stat()).isDirectory()) return handle;
    await handle.close();
    throw Object.assign(new Error('a directory is no log'), { code: 'EISDIR' });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LandwardError('SOURCE', `Cannot read ${quote(path)}: ${code}`, {
      part: path,
      fix:
        code === 'EACCES'
          ? 'Logs of the system are for root: run it with sudo, or ask whoever may read them'
          : undefined,
      cause,
    });
  }
}

async function fill(handle: FileHandle, into: Buffer, position: number | null): Promise<number> {
  return (await handle.read(into, 0, into.length, position)).bytesRead;
}

async function* unzip(handle: FileHandle, first: Buffer): AsyncGenerator<Piece> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  let damaged = false;
  pipeline(Readable.from(chunks(handle, first), { objectMode: false }), gunzip, (error) => {
    damaged = error != null;
  });
  try {
    for await (const piece of gunzip) yield piece as Buffer;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    damaged = true;
  }
  if (damaged) yield { lost: 'the compressed data is damaged or cut: what follows is not read' };
}

async function* chunks(handle: FileHandle, first: Buffer): AsyncGenerator<Buffer> {
  for (let piece = first; piece.length > 0; ) {
    yield piece;
    const next = Buffer.allocUnsafeSlow(CHUNK);
    piece = next.subarray(0, await fill(handle, next, null));
  }
}

async function* followed(
  path: string,
  opened: FileHandle,
  buffer: Buffer,
  begin: number,
  offset: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Piece> {
  let handle = opened;
  let position = offset;
  let { ino, dev } = await handle.stat({ bigint: true });
  let length = begin;
  try {
    while (!signal?.aborted) {
      if (length > 0) yield buffer.subarray(0, length);
      else {
        const now = await stat(path, { bigint: true }).catch(() => null);
        if (now !== null && (now.ino !== ino || now.dev !== dev)) {
          const next = await open(path, 'r').catch(() => null);
          if (next !== null) {
            // Written between the last look and the rename; afterwards nobody writes there.
            for (
              let rest = await fill(handle, buffer, position);
              rest > 0;
              rest = await fill(handle, buffer, position)
            ) {
              position += rest;
              yield buffer.subarray(0, rest);
            }
            const skipped = await stat(`${path}.1`, { bigint: true }).catch(() => null);
            yield {
              lost:
                skipped !== null && skipped.ino !== ino
                  ? 'the log was rotated more than once between two looks: read the older files too'
                  : null,
            };
            await handle.close();
            handle = next;
            ({ ino, dev } = await handle.stat({ bigint: true }));
            position = 0;
          }
        } else if (now !== null && Number(now.size) < position) {
          yield {
            lost: 'the log was shortened while it was followed: what was written before may be missing',
          };
          position = 0;
        } else {
          yield buffer.subarray(0, 0);
          await pause(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {});
        }
      }
      length = await fill(handle, buffer, position);
      position += length;
    }
  } finally {
    if (handle !== opened) await handle.close();
  }
}
