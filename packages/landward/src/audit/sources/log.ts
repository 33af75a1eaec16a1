/**
 * Logs of the audit daemon and the output of `ausearch --raw`, of any size: bytes are searched for the names of Landlock's
 * records, and only what concerns a denial is parsed. Owns the search; records are joined by `parse/joiner.ts`.
 */

import { Joiner } from '../parse/joiner.ts';
import { type InputOptions, readInput } from './input.ts';
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

/** Finds the lines that matter in regions of a log and hands them to a joiner. */
export class LogScanner implements RegionReader {
  readonly #joiner: Joiner;

  constructor(joiner: Joiner) {
    this.#joiner = joiner;
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

  #line(bytes: Buffer, start: number, end: number): void {
    if (end - start > LONGEST) this.cut(bytes.subarray(start, end), 'long');
    else this.#joiner.line(bytes.toString('latin1', start, end));
  }

  cut(head: Buffer, why: 'end' | 'long'): void {
    const text = head.toString('latin1', 0, 256);
    if (!/^(?:node=\S+ )?type=(?:LANDLOCK_|UNKNOWN\[142|142)/.test(text)) return;
    this.#joiner.loss({
      what: why === 'end' ? 'truncated' : 'malformed',
      count: 1,
      reason: why === 'end' ? 'the input ends in the middle of a line' : 'longer than any record of audit',
      sample: text.slice(0, 200),
    });
  }
}

/**
 * Opens a log of the audit daemon.
 *
 * @param path a file (plain or gzip), or `-` for standard input
 * @example for await (const item of openLog('/var/log/audit/audit.log')) console.log(item);
 */
export function openLog(path: string, options: InputOptions = {}): Source {
  return sourceOf('log', batches(path, options));
}

async function* batches(path: string, options: InputOptions): AsyncGenerator<readonly SourceItem[]> {
  const joiner = new Joiner('log');
  const regions = new Regions(new LogScanner(joiner));
  for await (const piece of readInput(path, options)) {
    if (Buffer.isBuffer(piece)) {
      // A record's companions are written with it: what comes later belongs to another event.
      if (piece.length === 0) joiner.flush();
      else regions.feed(piece);
    } else {
      regions.end();
      joiner.flush();
      if (piece.lost !== null) joiner.loss({ what: 'unread', count: 0, reason: piece.lost });
    }
    const items = joiner.take();
    if (items.length > 0) yield items;
  }
  regions.end();
  joiner.flush();
  const items = joiner.take();
  if (items.length > 0) yield items;
}
