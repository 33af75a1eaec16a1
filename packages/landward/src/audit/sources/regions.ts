/**
 * Chunks of bytes as regions of whole lines, whatever the chunks' borders are. Copies nothing but the line that lies on a
 * border. Memory is bounded: of a line longer than `LONGEST` only its beginning is told, as a loss.
 */

/** Longer than any record of audit (8,970 bytes) or entry of a log that landward reads. */
export const LONGEST = 65_536;

const NEWLINE = 10;

export interface RegionReader {
  /** Bytes from the beginning of a line to behind the newline of this line or a later one. Valid during the call. */
  region(bytes: Buffer, start: number, end: number): void;
  /** A line without an end: cut by the end of the input, or too long to be one. `head` is its beginning. */
  cut(head: Buffer, why: 'end' | 'long'): void;
}

/** Cuts a stream of chunks into regions. */
export class Regions {
  readonly #reader: RegionReader;
  #carry: Buffer[] = [];
  #carried = 0;
  #skipping = false;

  constructor(reader: RegionReader) {
    this.#reader = reader;
  }

  /** Takes the next chunk. It may be changed after the call. */
  feed(chunk: Buffer): void {
    let start = 0;
    if (this.#carried > 0 || this.#skipping) {
      const newline = chunk.indexOf(NEWLINE);
      if (newline < 0) {
        this.#keep(chunk);
        return;
      }
      start = newline + 1;
      if (this.#skipping) this.#skipping = false;
      else {
        const line = Buffer.concat([...this.#carry, chunk.subarray(0, start)]);
        this.#drop();
        this.#reader.region(line, 0, line.length);
      }
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > start) this.#reader.region(chunk, start, end);
    if (Math.max(end, start) < chunk.length) this.#keep(chunk.subarray(Math.max(end, start)));
  }

  /** The input ends or is cut here: a line that has no end yet never gets one. */
  end(): void {
    if (this.#carried > 0) this.#reader.cut(Buffer.concat(this.#carry), 'end');
    this.#drop();
    this.#skipping = false;
  }

  #keep(rest: Buffer): void {
    if (this.#skipping) return;
    this.#carry.push(Buffer.from(rest));
    this.#carried += rest.length;
    if (this.#carried <= LONGEST) return;
    const head = Buffer.concat(this.#carry).subarray(0, LONGEST);
    this.#drop();
    this.#skipping = true;
    this.#reader.cut(head, 'long');
  }

  #drop(): void {
    this.#carry = [];
    this.#carried = 0;
  }
}

/** Each line of a region, without its newline; bytes as Latin-1, of which every format here is the ASCII part. */
export function* linesOf(bytes: Buffer, start: number, end: number): Generator<string> {
  for (let at = start; at < end; ) {
    const newline = bytes.indexOf(NEWLINE, at);
    yield bytes.toString('latin1', at, newline);
    at = newline + 1;
  }
}
