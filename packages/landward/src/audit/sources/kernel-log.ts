/**
 * The kernel log, where audit writes its records as long as no daemon takes them: `/dev/kmsg` itself, what was saved of
 * it, and the text of `dmesg` (plain or `--raw`).
 *
 * The kernel shows a part of the records only (a limit on rates) and says how many it left out. Only messages of the
 * kernel count where the format tells who wrote them; in plain `dmesg` text that is lost, and whoever may write to the
 * kernel log could have written a record.
 */

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { LandwardError } from '../../errors.ts';
import { native } from '../../kernel/native.ts';
import { Joiner } from '../parse/joiner.ts';
import { LineFormat } from './line-format.ts';
import { type Source, type SourceItem, type SourceOptions, sourceOf } from './source.ts';

/** Facility and level, then the time; `/dev/kmsg` has its own order of the same. */
const PREFIX = /^(?:<(\d{1,6})>)?(?:\[ *\d+\.\d{6}\](?:\[ *[CT]\d+\])? )?/;
const KMSG_PREFIX = /^(\d{1,6}),\d+,\d+,[^;]{1,64};/;
const RECORD = /^audit: type=(\d{1,5}) (audit\(.*)$/;

/** The format of kernel logs. */
export class KernelLogFormat extends LineFormat {
  readonly #joiner = new Joiner('kmsg');
  #lost = -1;

  constructor() {
    super('kmsg');
  }

  override claims(line: string): boolean {
    return / ?audit: type=142[34] /.test(line.slice(0, 200));
  }

  override line(line: string): void {
    const prefix = KMSG_PREFIX.exec(line) ?? PREFIX.exec(line)!;
    // A process that writes to the kernel log never gets facility 0, which is the kernel's own.
    if (prefix[1] !== undefined && Number(prefix[1]) >> 3 !== 0) return;
    const message = line.slice(prefix[0].length);
    const record = RECORD.exec(message);
    if (record !== null) this.#joiner.record(Number(record[1]), record[2]!);
    else if (/^audit: type=142[34]\b/.test(message)) this.loss('malformed', 1, 'not an audit record', line);
    else this.#losses(message);
    for (const item of this.#joiner.take()) this.tell(item);
  }

  override idle(): void {
    this.#joiner.flush();
    for (const item of this.#joiner.take()) this.tell(item);
  }

  #losses(message: string): void {
    const suppressed =
      /^(?:kauditd_printk_skb|audit_printk_skb|audit): (\d{1,10}) callbacks suppressed$/.exec(message);
    if (suppressed !== null)
      this.loss(
        'lost',
        Number(suppressed[1]),
        'the kernel log left out records of audit, of any kind: they came too fast',
      );
    const dropped = /^\*\* (\d{1,10}) printk messages dropped \*\*/.exec(message);
    if (dropped !== null)
      this.loss('lost', Number(dropped[1]), 'the kernel log left out messages of any kind');
    const lost = /^audit: audit_lost=(\d{1,10}) /.exec(message);
    if (lost === null) return;
    // A sum since boot: what was lost before the first line of this log is not known to concern it.
    const now = Number(lost[1]);
    this.loss(
      'lost',
      this.#lost < 0 ? 0 : Math.max(0, now - this.#lost),
      'the kernel lost records of audit, of any kind',
    );
    this.#lost = now;
  }
}

/**
 * Opens the kernel log itself: from its oldest message on.
 *
 * @throws LandwardError SOURCE, when it is first read, where this user may not
 */
export function openKmsg(options: SourceOptions = {}): Source {
  return sourceOf('kmsg', batches(options));
}

async function* batches({ signal, follow }: SourceOptions): AsyncGenerator<readonly SourceItem[]> {
  const fd = openDevice('/dev/kmsg');
  try {
    yield* readDevice(fd, new KernelLogFormat(), { signal, follow });
  } finally {
    closeSync(fd);
  }
}

/** Opens a device or pipe of the kernel for reading without waiting. */
export function openDevice(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LandwardError('SOURCE', `Cannot read ${path}: ${code}`, {
      fix: code === 'EPERM' || code === 'EACCES' ? 'It is for root here: run it with sudo' : undefined,
      cause,
    });
  }
}

/** Reads a device that gives whole messages, to its end for now or followed. */
export async function* readDevice(
  fd: number,
  format: LineFormat,
  { signal, follow }: { readonly signal?: AbortSignal | undefined; readonly follow?: boolean | undefined },
): AsyncGenerator<readonly SourceItem[]> {
  const buffer = Buffer.alloc(65_536);
  while (!signal?.aborted) {
    const empty = fill(fd, buffer, format);
    if (empty) format.idle();
    const items = format.take();
    if (items.length > 0) yield items;
    if (!empty) continue;
    if (follow !== true) break;
    await readable(fd, signal);
  }
  format.end();
  const items = format.take();
  if (items.length > 0) yield items;
}

/** Takes some messages; whether none is left. */
function fill(fd: number, buffer: Buffer, format: LineFormat): boolean {
  for (let count = 0; count < 1024; count++) {
    try {
      const length = readSync(fd, buffer);
      if (length === 0) return true;
      format.feed(buffer.subarray(0, length));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return true;
      if (code === 'EPIPE') format.loss('lost', 0, 'messages were overwritten before they were read');
      else if (code !== 'EINTR') throw error;
    }
  }
  return false;
}

async function readable(fd: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const watch = native().watch(fd, () => resolve(true));
  const stop = () => resolve(false);
  signal?.addEventListener('abort', stop, { once: true });
  const ready = await promise;
  signal?.removeEventListener('abort', stop);
  if (!ready) native().unwatch(watch);
}
