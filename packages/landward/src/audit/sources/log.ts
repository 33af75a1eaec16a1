/**
 * Logs of the audit daemon and the output of `ausearch --raw`, of any size: bytes are searched for the names of Landlock's
 * records, and only what concerns a denial is parsed. Owns the search; records are joined by `parse/joiner.ts`.
 */

import { Joiner } from '../parse/joiner.ts';
import { type InputOptions, readInput } from './input.ts';
import { type Format, readPieces } from './pieces.ts';
import { LONGEST, type RegionReader, Regions } from './regions.ts';
import { type Source, type SourceItem, sourceOf } from './source.ts';

/**
 * What names Landlock in a line; daemons older than Landlock's records write their numbers. Chosen to begin with letters
 * that are rare in logs: most of the time is spent here.
 */
const NEEDLES = [Buffer.from('LANDLOCK_'), Buffer.from('N[142')] as const;
const NEWLINE = 10;
/** The first letters of `type=`, and of `node=`, which a daemon that collects for many hosts puts before it. */
const TYPE = 't'.charCodeAt(0);
const NODE = 'n'.charCodeAt(0);
const CLAIM = /^(?:node=\S+ )?type=(?:LANDLOCK_|UNKNOWN\[142)/;

/** The format of the daemon's log. */
export class LogFormat implements Format, RegionReader {
  readonly #joiner = new Joiner('log');
  readonly #regions = new Regions(this);

  feed(chunk: Buffer): void {
    this.#regions.feed(chunk);
  }

  end(): void {
    this.#regions.end();
    this.#joiner.flush();
  }

  idle(): void {
    // A record's companions are written with it: what comes later belongs to another event.
    this.#joiner.flush();
  }

  unread(reason: string): void {
    this.#joiner.loss({ what: 'unread', count: 0, reason });
  }

  take(): readonly SourceItem[] {
    return this.#joiner.take();
  }

  region(bytes: Buffer, start: number, end: number): void {
    const next = NEEDLES.map(() => -1);
    let at = start;
    while (at < end) {
      if (this.#joiner.waiting) {
        const newline = bytes.indexOf(NEWLINE, at);
        this.#line(bytes, at, newline);
        at = newline + 1;
        continue;
      }
      let hit = end;
      for (const [index, needle] of NEEDLES.entries()) {
        if (next[index]! < at) {
          const found = bytes.indexOf(needle, at);
          next[index] = found < 0 ? bytes.length : found;
        }
        hit = Math.min(hit, next[index]!);
      }
      if (hit >= end) return;
      at = Math.max(at, bytes.lastIndexOf(NEWLINE, hit) + 1);
      const newline = bytes.indexOf(NEWLINE, hit);
      if (bytes[at] === TYPE || bytes[at] === NODE) this.#line(bytes, at, newline);
      at = newline + 1;
    }
  }

  cut(head: Buffer, why: 'end' | 'long'): void {
    const text = head.toString('latin1', 0, 256);
    if (!CLAIM.test(text)) return;
    this.#joiner.loss({
      what: why === 'end' ? 'truncated' : 'malformed',
      count: 1,
      reason: why === 'end' ? 'the input ends in the middle of a line' : 'longer than any record of audit',
      sample: text.slice(0, 200),
    });
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (end - start > LONGEST) this.cut(bytes.subarray(start, end), 'long');
    else this.#joiner.line(bytes.toString('latin1', start, end));
  }
}

/**
 * Opens a log of the audit daemon.
 *
 * @param path a file (plain or gzip), or `-` for standard input
 * @example for await (const item of openLog('/var/log/audit/audit.log')) console.log(item);
 */
export function openLog(path: string, options: InputOptions = {}): Source {
  return sourceOf('log', readPieces(readInput(path, options), new LogFormat()));
}
