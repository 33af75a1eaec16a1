/**
 * The base of formats in which every line is looked at: kernel logs, traces, JSON lines. Owns the cutting into lines and
 * the list of items; what a line says is the format's own.
 */

import type { DenialSource } from '../../model/denial.ts';
import type { Format } from './pieces.ts';
import { LONGEST, linesOf, type RegionReader, Regions } from './regions.ts';
import type { Loss, SourceItem } from './source.ts';

/** What is kept of a line that can't be read, characters. */
const SAMPLE = 200;

export abstract class LineFormat implements Format, RegionReader {
  readonly source: DenialSource;
  readonly #regions = new Regions(this);
  #items: SourceItem[] = [];

  constructor(source: DenialSource) {
    this.source = source;
  }

  /** Takes a line without its newline (Latin-1: one character a byte). */
  abstract line(line: string): void;

  /** Whether a line that can't be read whole would have mattered, by its beginning. */
  abstract claims(line: string): boolean;

  tell(item: SourceItem): void {
    this.#items.push(item);
  }

  loss(what: Loss['what'], count: number, reason: string, line?: string): void {
    const sample = line === undefined ? {} : { sample: line.slice(0, SAMPLE) };
    this.tell({ kind: 'loss', source: this.source, what, count, reason, ...sample });
  }

  feed(chunk: Buffer): void {
    this.#regions.feed(chunk);
  }

  end(): void {
    this.#regions.end();
    this.idle();
  }

  idle(): void {}

  unread(reason: string): void {
    this.loss('unread', 0, reason);
  }

  take(): readonly SourceItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  region(bytes: Buffer, start: number, end: number): void {
    for (const line of linesOf(bytes, start, end))
      if (line.length <= LONGEST) this.line(line);
      else if (this.claims(line)) this.loss('malformed', 1, 'the line is too long', line);
  }

  cut(head: Buffer, why: 'end' | 'long'): void {
    const line = head.toString('latin1');
    if (!this.claims(line)) return;
    if (why === 'end') this.loss('truncated', 1, 'the input ends in the middle of a line', line);
    else this.loss('malformed', 1, 'the line is too long', line);
  }
}
