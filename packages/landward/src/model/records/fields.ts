/**
 * `key=value` text as audit writes it: strings quoted or in hexadecimal, numbers, and a reader that takes each key once.
 *
 * A string that holds a space, a quote or a byte outside of printable ASCII is always in hexadecimal, so nothing that a
 * program names can end a field or begin another. The reader holds a log to that.
 */

import { decodeBytes, encodeBytes, fromHex, toHex } from './bytes.ts';

/** A string as audit writes it. */
export function untrusted(text: string): string {
  const bytes = encodeBytes(text);
  const plain = bytes.every((byte) => byte >= 0x21 && byte <= 0x7e && byte !== 0x22);
  return plain ? `"${text}"` : toHex(bytes);
}

/** Reads what `untrusted` wrote; `null` for text that it never writes. */
export function readUntrusted(raw: string): string | null {
  if (raw.startsWith('"')) {
    const body = raw.slice(1, -1);
    return raw.length >= 2 && raw.endsWith('"') && /^[\x21\x23-\x7e]*$/.test(body) ? body : null;
  }
  const bytes = raw === '' ? null : fromHex(raw);
  if (bytes === null) return null;
  const text = decodeBytes(bytes);
  // What needs no hexadecimal is never written in it: such a value is a piece of a longer one.
  return untrusted(text) === raw ? text : null;
}

/** Fields of one line by key. Values are raw. */
export type Fields = Map<string, string>;

/**
 * Splits `key=value key=value`.
 *
 * @returns `null` where a piece is no field, a key comes twice, or a quote is not closed
 */
export function splitFields(text: string): Fields | null {
  if (CONTROL.test(text)) return null;
  const fields: Fields = new Map();
  for (const piece of text.split(' ')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const key = piece.slice(0, Math.max(equals, 0));
    if (!KEY.test(key) || fields.has(key)) return null;
    const raw = piece.slice(equals + 1);
    // Quotes enclose a whole value or nothing.
    const quote = raw.indexOf('"');
    if (quote >= 0 && (quote > 0 || raw.length < 2 || raw.indexOf('"', 1) !== raw.length - 1)) return null;
    fields.set(key, raw);
  }
  return fields;
}

const KEY = /^[A-Za-z][A-Za-z0-9_-]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a control character in a log line is what this refuses
const CONTROL = /[\x00-\x1f\x7f]/;

/** Takes fields out of a line one by one; the first that is missing or malformed is remembered as the reason. */
export class FieldReader {
  reason: string | null = null;
  readonly #fields: Fields;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  has(key: string): boolean {
    return this.#fields.has(key);
  }

  /** A raw value. */
  raw(key: string): string {
    const raw = this.#fields.get(key);
    this.#fields.delete(key);
    if (raw === undefined) this.#fail(`field ${key} is missing`);
    return raw ?? '';
  }

  /** A decimal number of at most `max`. */
  decimal(key: string, max = 0xffff_ffff): number {
    const raw = this.raw(key);
    const value = /^[0-9]{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
    if (!(value <= max)) this.#fail(`field ${key} is not a number up to ${max}`);
    return value <= max ? value : 0;
  }

  /** A 64-bit number in decimal, or in lower-case hexadecimal without a prefix. */
  wide(key: string, base: 10 | 16): bigint {
    const raw = this.raw(key);
    const good = base === 10 ? /^[0-9]{1,20}$/.test(raw) : /^[0-9a-f]{1,16}$/.test(raw);
    const value = good ? BigInt(base === 16 ? `0x${raw}` : raw) : 0n;
    if (!good || value >= 1n << 64n) this.#fail(`field ${key} is not a 64-bit number`);
    return value;
  }

  /** A string of a foreign program. */
  untrusted(key: string): string {
    const text = readUntrusted(this.raw(key));
    if (text === null) this.#fail(`field ${key} is not a string as audit writes it`);
    return text ?? '';
  }

  /** What nobody took. */
  rest(): { readonly key: string; readonly raw: string }[] {
    return [...this.#fields].map(([key, raw]) => ({ key, raw }));
  }

  #fail(reason: string): void {
    this.reason ??= reason;
  }
}
