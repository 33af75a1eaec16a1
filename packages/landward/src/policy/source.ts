/**
 * A policy text as it came: bytes made into characters, and offsets made into positions.
 *
 * Refuses what no parser should see: more than 1 MiB, bytes that are not UTF-8, NUL. Knows no format.
 */

import { LandwardError, type Position } from '../errors.ts';

/** The largest policy text, bytes. */
export const MAX_BYTES = 1 << 20;

/** The deepest nesting of lists and tables. */
export const MAX_DEPTH = 32;

/** A text with its name. */
export interface Source {
  readonly file: string;
  readonly text: string;
  /** The offset at which each line starts. */
  readonly lines: readonly number[];
}

/**
 * Makes a source of bytes or characters.
 *
 * @param file the name that a person knows the text by
 * @param input UTF-8 bytes, with or without a byte order mark, or characters
 * @throws LandwardError POLICY_SYNTAX for a text that is too long, is not UTF-8 or contains NUL
 */
export function sourceOf(file: string, input: Uint8Array | string): Source {
  const size = typeof input === 'string' ? input.length : input.byteLength;
  if (size > MAX_BYTES) {
    throw new LandwardError(
      'POLICY_SYNTAX',
      `A policy text may have ${MAX_BYTES} bytes, this one has ${size}`,
      {
        at: { file, line: 1, column: 1 },
        fix: 'Split the policy, or use globs instead of lists of files',
      },
    );
  }
  const text = withoutMark(typeof input === 'string' ? input : decode(file, input));
  const source = { file, text, lines: lineStarts(text) };
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    throw syntaxError(source, nul, 'A policy text contains no NUL character, this one does', 'Remove it');
  }
  if (!text.isWellFormed()) {
    throw syntaxError(
      source,
      0,
      'A policy text is valid Unicode, this one has half of a surrogate pair',
      'Save the text as UTF-8',
    );
  }
  return source;
}

/** The position of an offset in UTF-16 units. */
export function positionAt(source: Source, offset: number): Position {
  let low = 0;
  let high = source.lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (source.lines[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { file: source.file, line: low + 1, column: offset - source.lines[low]! + 1 };
}

/** The text of a line, without its end. */
export function lineText(source: Source, line: number): string | undefined {
  const start = source.lines[line - 1];
  if (start === undefined) return undefined;
  return source.text.slice(start, source.lines[line] ?? source.text.length).replace(/[\r\n]+$/, '');
}

/** A syntax error at an offset, with its source line. */
export function syntaxError(source: Source, offset: number, message: string, fix?: string): LandwardError {
  const at = positionAt(source, Math.min(Math.max(offset, 0), source.text.length));
  return new LandwardError('POLICY_SYNTAX', message, { at, source: lineText(source, at.line), fix });
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new LandwardError('POLICY_SYNTAX', 'A policy text is UTF-8, this one is not', {
      at: firstInvalid(file, bytes),
      fix: 'Save the text as UTF-8',
      cause,
    });
  }
}

/** The line on which decoding fails: the longest run of whole lines that decodes ends before it. */
function firstInvalid(file: string, bytes: Uint8Array): Position {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(10, start);
    const stop = end < 0 ? bytes.length : end + 1;
    try {
      decoder.decode(bytes.subarray(start, stop));
    } catch {
      return { file, line, column: 1 };
    }
    start = stop;
  }
  return { file, line: 1, column: 1 };
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let offset = text.indexOf('\n'); offset >= 0; offset = text.indexOf('\n', offset + 1))
    starts.push(offset + 1);
  return starts;
}
