/** How ftrace prints the values of Landlock's events: sets, numbers, identifiers, escaped text; each with its reader. */

import { decodeBytes, encodeBytes } from './bytes.ts';
import type { RulesetVersion, TraceInode } from './trace-event.ts';

export type Codec<T> = { readonly write: (value: T) => string; readonly read: (raw: string) => T | null };

const RIGHT = /^[a-z][a-z0-9_]*$/;
const list = (separator: string): Codec<readonly string[]> => ({
  write: (names) => names.join(separator),
  read: (raw) => {
    const names = raw === '' ? [] : raw.split(separator);
    return names.every((name) => RIGHT.test(name)) ? names : null;
  },
});
export const rights = list('|');
const integer = (pattern: RegExp, max: number): Codec<number> => ({
  write: String,
  read: (raw) => (pattern.test(raw) && Number(raw) <= max ? Number(raw) : null),
});
export const count = integer(/^\d{1,10}$/, 0xffff_ffff);
export const port = integer(/^(-1|\d{1,5})$/, 65_535);
export const flag: Codec<boolean> = {
  write: (value) => (value ? '1' : '0'),
  read: (raw) => (raw === '1' ? true : raw === '0' ? false : null),
};
export const id: Codec<bigint> = {
  write: (value) => value.toString(16),
  read: (raw) => (/^[0-9a-f]{1,16}$/.test(raw) ? BigInt(`0x${raw}`) : null),
};
export const wide: Codec<bigint> = {
  write: String,
  read: (raw) => (/^\d{1,20}$/.test(raw) && BigInt(raw) < 1n << 64n ? BigInt(raw) : null),
};
export const ruleset: Codec<RulesetVersion> = {
  write: (value) => `${value.id.toString(16)}.${value.version}`,
  read: (raw) => {
    const found = /^([0-9a-f]{1,16})\.(\d{1,10})$/.exec(raw);
    return found === null ? null : { id: BigInt(`0x${found[1]}`), version: Number(found[2]) };
  },
};
export const grants: Codec<readonly (readonly string[])[]> = {
  write: (layers) => `{${layers.map(rights.write).join(',')}}`,
  read: (raw) => {
    const body = /^\{([a-z0-9_|,]*)\}$/.exec(raw)?.[1];
    const layers = body?.split(',').map(rights.read);
    return layers === undefined || layers.includes(null) ? null : (layers as string[][]);
  },
};
/** What has a letter of its own behind the backslash; everything else that is not printable is octal. */
const LETTERS: Readonly<Record<string, number>> = {
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
  a: 0x07,
  e: 0x1b,
  '"': 0x22,
  '\\': 0x5c,
};
const LETTER_OF = new Map(Object.entries(LETTERS).map(([letter, byte]) => [byte, letter]));

export const text: Codec<string> = {
  write: (value) => Array.from(encodeBytes(value), escapeByte).join(''),
  read: (raw) => {
    if (!/^(?:[\x21\x23-\x5b\x5d-\x7e]|\\[0-3][0-7]{2}|\\[fnrtvae"\\])*$/.test(raw)) return null;
    const pieces = raw.match(/\\[0-7]{3}|\\.|./g) ?? [];
    const bytes = pieces.map((piece) => {
      if (piece.length === 1) return piece.charCodeAt(0);
      return LETTERS[piece.slice(1)] ?? Number.parseInt(piece.slice(1), 8);
    });
    return decodeBytes(Uint8Array.from(bytes));
  },
};

function escapeByte(byte: number): string {
  const letter = LETTER_OF.get(byte);
  if (letter !== undefined) return `\\${letter}`;
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
}

export const device: Codec<Pick<TraceInode, 'major' | 'minor'>> = {
  write: (value) => `${value.major}:${value.minor}`,
  read: (raw) => {
    const found = /^(\d{1,7}):(\d{1,7})$/.exec(raw);
    return found === null ? null : { major: Number(found[1]), minor: Number(found[2]) };
  },
};
