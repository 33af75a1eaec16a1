/** The expansion of `{a,b}` in globs, nested and bounded. Owns braces only. */

import { LandwardError } from '../errors.ts';

/** More readings than this is a mistake or an attack. */
const MAX_READINGS = 256;

/**
 * All texts that a glob with braces stands for, in order, without duplicates.
 *
 * @throws LandwardError `POLICY_INVALID` for unbalanced braces, or more than 256 readings
 * @example expandBraces('/a/{b,c{d,e}}') // ['/a/b', '/a/cd', '/a/ce']
 */
export function expandBraces(source: string): string[] {
  const fail = (why: string): never => {
    throw new LandwardError('POLICY_INVALID', `Glob ${why}`, { part: source });
  };
  let at = 0;

  /** Reads up to `,`, `}` or the end, whichever closes this level. */
  function sequence(depth: number): string[] {
    let texts = [''];
    const append = (tails: readonly string[]) => {
      if (texts.length * tails.length > MAX_READINGS) fail(`has more than ${MAX_READINGS} alternatives`);
      texts = texts.flatMap((text) => tails.map((tail) => text + tail));
    };
    let run = '';
    while (at < source.length) {
      const character = source[at]!;
      if (character === '\\') {
        if (at + 1 === source.length) fail('ends in a backslash');
        run += source.slice(at, at + 2);
        at += 2;
      } else if (character === '[') {
        const end = classEnd(source, at);
        if (end === -1) fail('has a "[" without its "]"');
        run += source.slice(at, end);
        at = end;
      } else if (character === '{') {
        if (depth === 16) fail('nests braces deeper than 16');
        append([run]);
        run = '';
        at++;
        append(alternatives(depth + 1));
      } else if (depth > 0 && (character === ',' || character === '}')) {
        break;
      } else if (character === '}') {
        fail('has a "}" without its "{"');
      } else {
        run += character;
        at++;
      }
    }
    append([run]);
    return texts;
  }

  function alternatives(depth: number): string[] {
    const found: string[] = [];
    for (;;) {
      found.push(...sequence(depth));
      if (found.length > MAX_READINGS) fail(`has more than ${MAX_READINGS} alternatives`);
      const end = source[at];
      if (end === undefined) fail('has a "{" without its "}"');
      at++;
      if (end === '}') return found;
    }
  }

  return [...new Set(sequence(0))];
}

/** The index after the `]` that closes the class opened at `start`, or -1. A class never spans a slash. */
export function classEnd(text: string, start: number): number {
  let at = start + 1;
  if (text[at] === '!' || text[at] === '^') at++;
  if (text[at] === ']') at++;
  for (; at < text.length && text[at] !== '/'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ']') return at + 1;
  }
  return -1;
}
