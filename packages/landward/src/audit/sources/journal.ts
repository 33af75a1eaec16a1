/**
 * The journal in its export format: entries of `KEY=value` lines and of fields with a length, ended by an empty line.
 *
 * Only fields that the journal itself sets (with a leading underscore) say where an entry comes from, and lengths are
 * obeyed to the byte: text that a program logged, whatever it looks like, is never read as an entry of audit.
 */

import { Joiner } from '../parse/joiner.ts';
import type { Format } from './pieces.ts';
import { LONGEST } from './regions.ts';
import type { SourceItem } from './source.ts';

const NEWLINE = 10;
/** Fields that matter. */
const WANTED = new Set(['MESSAGE', '_TRANSPORT', '_AUDIT_TYPE', '_AUDIT_ID', '_SOURCE_REALTIME_TIMESTAMP']);
/** Records of the last entries, to tell apart what both audit and the kernel log brought into the journal. */
const RECENT = 4096;

type Entry = Map<string, string>;

/** The export format. */
export class JournalFormat implements Format {
  readonly #joiner = new Joiner('journal');
  readonly #recent = new Map<string, 'audit' | 'kernel'>();
  #rest: Buffer = Buffer.alloc(0);
  #entry: Entry = new Map();
  /** A field with a length whose bytes are still to come: its name, and how many with its newline. */
  #field: { readonly key: string; left: number } | null = null;
  /** Within a text field that is too long to matter. */
  #skipping = false;

  feed(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const used = this.#step(bytes);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    this.#rest = Buffer.from(bytes);
  }

  /** Takes the next part of an entry; 0 where more bytes are needed. */
  #step(bytes: Buffer): number {
    if (this.#field !== null) return this.#value(this.#field, bytes);
    const newline = bytes.indexOf(NEWLINE);
    if (newline < 0) {
      if (bytes.length <= LONGEST && !this.#skipping) return 0;
      this.#skipping = true;
      return bytes.length;
    }
    if (this.#skipping) {
      this.#skipping = false;
      return newline + 1;
    }
    if (newline === 0) {
      this.#ended();
      return 1;
    }
    const equals = bytes.indexOf('=');
    if (equals >= 0 && equals < newline) {
      const key = bytes.toString('latin1', 0, Math.min(equals, 64));
      if (newline <= LONGEST) this.#set(key, bytes.toString('latin1', equals + 1, newline));
      return newline + 1;
    }
    if (bytes.length < newline + 9) return 0;
    const length = bytes.readBigUInt64LE(newline + 1);
    const key = bytes.toString('latin1', 0, Math.min(newline, 64));
    this.#field = { key, left: Number(length) + 1 };
    return newline + 9;
  }

  #value(field: { readonly key: string; left: number }, bytes: Buffer): number {
    if (field.left > LONGEST) {
      const used = Math.min(bytes.length, field.left);
      field.left -= used;
      // What is left of a long field is passed over, too.
      if (field.left === 0) this.#field = null;
      else if (field.left <= LONGEST) this.#field = { key: '', left: field.left };
      return used;
    }
    if (bytes.length < field.left) return 0;
    this.#set(field.key, bytes.toString('latin1', 0, field.left - 1));
    this.#field = null;
    return field.left;
  }

  #set(key: string, value: string): void {
    if (WANTED.has(key) && !this.#entry.has(key)) this.#entry.set(key, value);
  }

  #ended(): void {
    const entry = this.#entry;
    this.#entry = new Map();
    const message = entry.get('MESSAGE') ?? '';
    switch (entry.get('_TRANSPORT')) {
      case 'audit':
        this.#audit(entry, message);
        break;
      case 'kernel': {
        const record = /^audit: type=(\d{1,5}) (audit\(.*)$/s.exec(message);
        if (record !== null) this.#record('kernel', Number(record[1]), record[2]!);
      }
    }
  }

  /** The message is the record's name and its fields; the stamp is in fields of its own. */
  #audit(entry: Entry, message: string): void {
    const type = entry.get('_AUDIT_TYPE') ?? '';
    const time = entry.get('_SOURCE_REALTIME_TIMESTAMP') ?? '';
    const serial = entry.get('_AUDIT_ID') ?? '';
    const landlock = type === '1423' || type === '1424';
    if (/^\d{1,5}$/.test(type) && /^\d{4,18}$/.test(time) && /^\d{1,10}$/.test(serial)) {
      const fields = message.slice(message.indexOf(' ') + 1);
      const milliseconds = time.slice(0, -3);
      const seconds = milliseconds.slice(0, -3) || '0';
      this.#record(
        'audit',
        Number(type),
        `audit(${seconds}.${milliseconds.slice(-3).padStart(3, '0')}:${serial}): ${fields}`,
      );
    } else if (landlock)
      this.#joiner.loss({
        what: 'malformed',
        count: 1,
        reason: 'an entry of audit without its stamp',
        sample: message.slice(0, 200),
      });
  }

  #record(transport: 'audit' | 'kernel', type: number, payload: string): void {
    const key = `${type} ${payload}`;
    if (type === 1423 || type === 1424) {
      const before = this.#recent.get(key);
      this.#recent.delete(key);
      if (before !== undefined && before !== transport) return;
      this.#recent.set(key, transport);
      if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.keys().next().value!);
    }
    this.#joiner.record(type, payload);
  }

  end(): void {
    // `journalctl` ends every entry; one that is not ended was cut.
    if (this.#entry.size > 0 || this.#rest.length > 0 || this.#field !== null) {
      const transport = this.#entry.get('_TRANSPORT') ?? 'audit';
      if (transport === 'audit' || transport === 'kernel')
        this.#joiner.loss({
          what: 'truncated',
          count: 1,
          reason: 'the input ends in the middle of an entry',
        });
    }
    this.#entry = new Map();
    this.#rest = Buffer.alloc(0);
    this.#field = null;
    this.#skipping = false;
    this.#joiner.flush();
  }

  idle(): void {
    this.#joiner.flush();
  }

  unread(reason: string): void {
    this.#joiner.loss({ what: 'unread', count: 0, reason });
  }

  take(): readonly SourceItem[] {
    return this.#joiner.take();
  }
}
