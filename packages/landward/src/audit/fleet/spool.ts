/**
 * Batches on disk between the store and a sink: written whole, sent oldest first, removed when the receiver has them.
 *
 * Owns the files and the accounts of a sink: every denial of the store is, at any moment and after any crash, exactly one
 * of: not yet spooled, in the spool, sent, rejected, lost (thrown away by the store before it was spooled), gone (its
 * spool file disappeared). A denial can be sent twice, never zero times without being counted.
 */

import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ownDirectory } from '../state-directory.ts';
import { findEvents } from '../store/query.ts';
import { inTransaction } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { type Disclosure, type ExportRecord, exportRecord } from './disclose.ts';
import type { Batch } from './sink.ts';

/** How much waits on disk. */
export interface SpoolLimits {
  /** Bytes; when more wait, nothing is taken from the store (which keeps it as long as its own bounds allow). */
  readonly size: number;
  /** Denials of one batch. */
  readonly batch: number;
}

interface Waiting {
  readonly file: string;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** Numbers about a sink, in denials. */
export interface SinkCounts {
  readonly name: string;
  readonly sent: number;
  readonly rejected: number;
  readonly lost: number;
  readonly gone: number;
  /** In the spool or not yet in it. */
  readonly waiting: number;
}

const FILE = /^(\d{16})-(\d{16})-(\d{1,9})\.json$/;

/** The spool of one sink. One process at a time works on it. */
export class Spool {
  readonly #store: Store;
  readonly #name: string;
  readonly #folder: string;
  readonly #limits: SpoolLimits;
  readonly #disclose: readonly Disclosure[];

  /** @param folder made where it does not exist; holds only what may leave */
  constructor(
    store: Store,
    name: string,
    folder: string,
    limits: SpoolLimits,
    disclose: readonly Disclosure[],
  ) {
    this.#store = store;
    this.#name = name;
    this.#folder = ownDirectory(folder);
    this.#limits = limits;
    this.#disclose = disclose;
    this.#recover();
  }

  /** Takes denials from the store until there are no more or the spool is full. @returns how many */
  fill(): number {
    let taken = 0;
    while (this.#bytes() < this.#limits.size) {
      const count = this.#take();
      taken += count;
      if (count < this.#limits.batch) break;
    }
    return taken;
  }

  /** The oldest batch, or nothing. */
  next(): Batch | undefined {
    const [oldest] = this.#waiting();
    if (oldest === undefined) return undefined;
    const records = JSON.parse(readFileSync(join(this.#folder, oldest.file), 'utf8')) as ExportRecord[];
    return { id: `${this.#store.instance}-${oldest.first}-${oldest.last}`, records };
  }

  /** Notes what became of the oldest batch, and removes it. */
  done(batch: Batch, what: 'sent' | 'rejected'): void {
    const [oldest] = this.#waiting();
    if (oldest === undefined || batch.id !== `${this.#store.instance}-${oldest.first}-${oldest.last}`) return;
    this.#store
      .prepare(`UPDATE sink SET ${what} = ${what} + ?, acked = ? WHERE name = ?`)
      .run(oldest.count, oldest.last, this.#name);
    rmSync(join(this.#folder, oldest.file), { force: true });
  }

  /** One transaction: what another process throws away meanwhile must not be counted as lost and sent as well. */
  #take(): number {
    return inTransaction(this.#store.database, () => {
      const { cursor } = this.#row();
      const instance = this.#store.instance;
      const page = { order: 'arrival', limit: this.#limits.batch } as const;
      const records = [...findEvents(this.#store, { after: cursor }, page)].map(({ id, event }) =>
        exportRecord(event, { instance, seq: id }, this.#disclose),
      );
      const [first, last] = [records[0], records.at(-1)];
      if (first === undefined || last === undefined) return 0;
      const number = (id: number) => String(id).padStart(16, '0');
      const file = `${number(first.seq)}-${number(last.seq)}-${records.length}.json`;
      writeWhole(join(this.#folder, file), JSON.stringify(records));
      this.#store
        .prepare('UPDATE sink SET cursor = ?, spooled = spooled + ? WHERE name = ?')
        .run(last.seq, records.length, this.#name);
      return records.length;
    });
  }

  /** Brings files and accounts together after a crash or a visit. */
  #recover(): void {
    this.#store.prepare('INSERT OR IGNORE INTO sink (name, cursor) VALUES (?, 0)').run(this.#name);
    const { cursor, acked, spooled, sent, rejected, gone } = this.#row();
    for (const name of readdirSync(this.#folder)) {
      const found = read(name);
      // Not accounted yet, or sent already: made again, or not needed.
      if (found === undefined ? name.endsWith('.part') : found.last > cursor || found.last <= acked)
        rmSync(join(this.#folder, name), { force: true });
    }
    const held = this.#waiting().reduce((sum, { count }) => sum + count, 0);
    const missing = spooled - sent - rejected - gone - held;
    if (missing > 0)
      this.#store.prepare('UPDATE sink SET gone = gone + ? WHERE name = ?').run(missing, this.#name);
  }

  #waiting(): readonly Waiting[] {
    return readdirSync(this.#folder)
      .map(read)
      .filter((each) => each !== undefined)
      .sort((a, b) => a.first - b.first);
  }

  #bytes(): number {
    return this.#waiting().reduce((sum, { file }) => sum + statSync(join(this.#folder, file)).size, 0);
  }

  #row(): Record<'cursor' | 'acked' | 'spooled' | 'sent' | 'rejected' | 'gone', number> {
    return this.#store.prepare('SELECT * FROM sink WHERE name = ?').get(this.#name) as never;
  }
}

/** What became of the denials of a store, by sink. */
export function sinkCounts(store: Store): readonly SinkCounts[] {
  return store
    .prepare(
      `SELECT name, sent, rejected, lost, gone,
         spooled - sent - rejected - gone + (SELECT count(*) FROM event WHERE id > sink.cursor) AS waiting
       FROM sink ORDER BY name`,
    )
    .all()
    .map((row) => ({ ...row }) as unknown as SinkCounts);
}

function read(file: string): Waiting | undefined {
  const match = FILE.exec(file);
  if (match === null) return undefined;
  return { file, first: Number(match[1]), last: Number(match[2]), count: Number(match[3]) };
}

/** A file for its owner alone, on disk before it has its name. */
function writeWhole(file: string, text: string): void {
  const part = `${file}.part`;
  const fd = openSync(part, 'w', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(part, file);
}
