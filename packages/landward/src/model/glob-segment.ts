/** One component of a glob: characters, `?`, `*` and classes. Also the matcher for names that are not paths. */

import { LandwardError } from '../errors.ts';
import { classEnd } from './glob-braces.ts';

type Token =
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'one' }
  | { readonly kind: 'run' }
  | {
      readonly kind: 'class';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    };

/** A compiled component. `literal` is set where there is no wildcard. */
export interface Segment {
  readonly tokens: readonly Token[];
  readonly literal?: string;
  /** How many characters are given literally. */
  readonly pinned: number;
}

/**
 * Compiles one component, without braces.
 *
 * @param source what an error quotes
 * @throws LandwardError `POLICY_INVALID` for an unclosed class, an inverted range or a backslash at the end
 */
export function compileSegment(text: string, source: string = text): Segment {
  const fail = (why: string) => new LandwardError('POLICY_INVALID', `Glob ${why}`, { part: source });
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'run') tokens.push({ kind: 'run' });
      at++;
    } else if (character === '?') {
      tokens.push({ kind: 'one' });
      at++;
    } else if (character === '[') {
      const end = classEnd(text, at);
      if (end === -1) throw fail('has a "[" without its "]"');
      tokens.push(compileClass(text.slice(at + 1, end - 1), fail));
      at = end;
    } else {
      if (character === '\\') at++;
      const code = text.codePointAt(at);
      if (code === undefined) throw fail('ends in a backslash');
      tokens.push({ kind: 'character', code });
      at += code > 0xffff ? 2 : 1;
    }
  }
  const plain = tokens.filter((token) => token.kind === 'character');
  const literal =
    plain.length === tokens.length ? String.fromCodePoint(...plain.map((token) => token.code)) : undefined;
  return { tokens, pinned: plain.length, ...(literal === undefined ? {} : { literal }) };
}

function compileClass(body: string, fail: (why: string) => LandwardError): Token {
  const negated = body.startsWith('!') || body.startsWith('^');
  const members: { code: number; escaped: boolean }[] = [];
  const characters = [...(negated ? body.slice(1) : body)];
  for (let at = 0; at < characters.length; at++) {
    const escaped = characters[at] === '\\' && at + 1 < characters.length;
    if (escaped) at++;
    members.push({ code: characters[at]!.codePointAt(0)!, escaped });
  }
  const ranges: [number, number][] = [];
  for (let at = 0; at < members.length; at++) {
    const first = members[at]!;
    const dash = members[at + 1];
    const last = members[at + 2];
    if (dash !== undefined && last !== undefined && !dash.escaped && dash.code === 0x2d) {
      if (last.code < first.code) throw fail('has a range that runs backwards');
      ranges.push([first.code, last.code]);
      at += 2;
    } else {
      ranges.push([first.code, first.code]);
    }
  }
  return { kind: 'class', negated, ranges };
}

function accepts(token: Token, code: number): boolean {
  switch (token.kind) {
    case 'character':
      return token.code === code;
    case 'class':
      return token.ranges.some(([first, last]) => code >= first && code <= last) !== token.negated;
    default:
      return true;
  }
}

/** Whether a compiled component matches a whole name. */
export function matchSegment(segment: Segment, name: string): boolean {
  if (segment.literal !== undefined) return segment.literal === name;
  const { tokens } = segment;
  const start = tokens[0];
  // Most names differ at once; this keeps them cheap.
  if (start?.kind === 'character' && start.code !== name.codePointAt(0)) return false;
  const codes = Array.from(name, (character) => character.codePointAt(0)!);
  let token = 0;
  let code = 0;
  let lastRun = -1;
  let lastCode = 0;
  while (code < codes.length) {
    const current = tokens[token];
    if (current?.kind === 'run') {
      lastRun = token++;
      lastCode = code;
    } else if (current !== undefined && accepts(current, codes[code]!)) {
      token++;
      code++;
    } else if (lastRun >= 0) {
      // Only the last run can need more: an earlier one would only repeat its work.
      token = lastRun + 1;
      code = ++lastCode;
    } else {
      return false;
    }
  }
  while (tokens[token]?.kind === 'run') token++;
  return token === tokens.length;
}
