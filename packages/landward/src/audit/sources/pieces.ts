/**
 * From pieces of an input to items: the loop that all formats of files share. Owns the order of things at an interruption
 * and at the end; a format is a `Format`.
 */

import type { Break, Piece } from './input.ts';
import type { SourceItem } from './source.ts';

/** One format: takes bytes, collects items. */
export interface Format {
  /** The next bytes, valid during the call. */
  feed(chunk: Buffer): void;
  /** The input ends or is interrupted here: what is incomplete will never be completed. */
  end(): void;
  /** A followed input has no more for now. */
  idle(): void;
  /** Tells of something that was not read. */
  unread(reason: string): void;
  /** The items since the last time. */
  take(): readonly SourceItem[];
}

/** The items of an input. */
export async function* readPieces(
  pieces: AsyncIterable<Piece>,
  format: Format,
): AsyncGenerator<readonly SourceItem[]> {
  for await (const piece of pieces) {
    if (isBreak(piece)) {
      format.end();
      if (piece.lost !== null) format.unread(piece.lost);
    } else if (piece.length === 0) format.idle();
    else format.feed(piece);
    const items = format.take();
    if (items.length > 0) yield items;
  }
  format.end();
  const items = format.take();
  if (items.length > 0) yield items;
}

function isBreak(piece: Piece): piece is Break {
  return !Buffer.isBuffer(piece);
}

/** Pieces from which the first was taken to look at it. */
export async function* continued(
  first: IteratorResult<Piece>,
  rest: AsyncGenerator<Piece>,
): AsyncGenerator<Piece> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
