/** Collects a stream up to a limit, and keeps reading beyond it, so that the writer never blocks. */

import type { Readable } from 'node:stream';

/** What a stream said so far. */
export class Capture {
  /** Whether more came than was kept. */
  truncated = false;
  /** Resolves when the stream is over, however that came. */
  readonly ended: Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  #room: number;

  /**
   * @param stream a stream of bytes; it begins to flow
   * @param limit the most bytes to keep
   */
  constructor(stream: Readable, limit: number) {
    this.#room = limit;
    this.ended = new Promise((resolve) => {
      stream.on('close', resolve).on('error', () => resolve());
    });
    stream.on('data', (chunk: Uint8Array) => {
      if (chunk.length > this.#room) this.truncated = true;
      if (this.#room <= 0) return;
      const kept = chunk.subarray(0, this.#room);
      this.#room -= kept.length;
      this.#chunks.push(kept);
    });
  }

  /** The kept bytes as UTF-8; bytes that are none become replacement characters. */
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
