/**
 * The path of a rule, after variables: normal form, and what it covers (subtree, exact, glob).
 *
 * A path names an object and everything below it; `dir/**` therefore means `dir`, and a glob covers every object
 * that matches with what is below it, unless the rule is `exact`. What a glob matches is `model/glob.ts`. Symbolic links are followed later, at compile.
 */

import { LandwardError } from '../errors.ts';
import { compileGlob } from '../model/glob.ts';
import type { PathPattern } from '../model/rules.ts';
import type { Piece, Refusal } from './expand.ts';

/** The longest path that Linux takes, bytes with the final NUL. */
const PATH_MAX = 4096;
/** The longest name of a directory entry, bytes. */
const NAME_MAX = 255;

const encoder = new TextEncoder();

interface Component {
  /** The text with glob characters that are meant literally escaped. */
  readonly pattern: string;
  /** The text itself, where there is no glob character. */
  readonly literal: string | undefined;
}

/**
 * Makes the pattern of one path.
 *
 * @param pieces the expanded text
 * @param exact whether only the object itself is meant
 * @returns the pattern, or what is wrong
 */
export function pathPattern(pieces: readonly Piece[], exact: boolean): PathPattern | Refusal {
  const shown = pieces.map((piece) => piece.text).join('');
  if (!shown.startsWith('/')) {
    return {
      refused: `A path is absolute, '${shown}' is not`,
      fix: shown.startsWith('**') ? `Write '/${shown}'` : `Write '$project/${shown.replace(/^\.\//, '')}'`,
    };
  }
  if (longerThan(shown, PATH_MAX - 1))
    return { refused: `A path has fewer than ${PATH_MAX} bytes, this one has more` };
  if (isPlain(pieces, shown)) return { kind: exact ? 'exact' : 'subtree', path: shown };
  const components = splitComponents(pieces).filter(({ literal }) => literal !== '' && literal !== '.');
  if (components.some(({ literal }) => literal === '..')) {
    return {
      refused: `A path has no '..', '${shown}' has one`,
      fix: 'Write the path of the directory that is meant',
    };
  }
  if (components.some(({ literal }) => literal !== undefined && longerThan(literal, NAME_MAX))) {
    return { refused: `A name in a path has at most ${NAME_MAX} bytes, one in '${shown}' has more` };
  }
  let everythingBelow = false;
  while (components.at(-1)?.pattern === '**') {
    components.pop();
    everythingBelow = true;
  }
  const first = components.findIndex(({ literal }) => literal === undefined);
  if (first < 0) {
    if (exact && everythingBelow) return contradiction(shown);
    return {
      kind: exact ? 'exact' : 'subtree',
      path: `/${components.map(({ literal }) => literal).join('/')}`,
    };
  }
  const loose = components.find(({ pattern }) => pattern !== '**' && /(?<!\\)\*\*/.test(pattern));
  if (loose !== undefined) {
    return {
      refused: `'**' stands alone between slashes, in '${loose.pattern}' it does not`,
      fix: 'Write * inside a name',
    };
  }
  const path = `/${components
    .slice(0, first)
    .map(({ literal }) => literal)
    .join('/')}`;
  const glob = `/${components.map(({ pattern }) => pattern).join('/')}`;
  if (exact && everythingBelow) return contradiction(shown);
  const covers = exact ? glob : `${glob}/**`;
  try {
    compileGlob(covers);
  } catch (error) {
    if (!(error instanceof LandwardError)) throw error;
    return {
      refused: `${error.message}: '${shown}'`,
      fix: 'Write a backslash before a character that is meant literally',
    };
  }
  return { kind: 'glob', path, glob: covers };
}

/** Whether a text has more than so many bytes. */
function longerThan(text: string, bytes: number): boolean {
  // UTF-8 needs at most three bytes for a UTF-16 unit.
  return text.length * 3 > bytes && encoder.encode(text).length > bytes;
}

/** Whether a path stands for itself: nothing to expand, to leave out, or to refuse. Most paths do. */
function isPlain(pieces: readonly Piece[], shown: string): boolean {
  return (
    shown.length * 3 <= NAME_MAX &&
    !/\/\.{0,2}(\/|$)/.test(shown) &&
    pieces.every(({ text, literal }) => literal || !/[*?[\]{}]/.test(text))
  );
}

function contradiction(shown: string): Refusal {
  return {
    refused: `'${shown}' means everything below, exact means nothing below`,
    fix: 'Remove one of them',
  };
}

function splitComponents(pieces: readonly Piece[]): Component[] {
  const components: Component[] = [];
  let pattern = '';
  let literal = '';
  let special = false;
  let depth = 0;
  const flush = () => {
    components.push({ pattern, literal: special ? undefined : literal });
    pattern = '';
    literal = '';
    special = false;
  };
  for (const { text, literal: isLiteral } of pieces) {
    for (const character of text) {
      if (character === '/' && depth === 0) flush();
      else if (!isLiteral && '*?[]{}'.includes(character)) {
        special = true;
        depth += character === '{' ? 1 : character === '}' && depth > 0 ? -1 : 0;
        pattern += character;
        literal += character;
      } else {
        pattern += isLiteral || character === '\\' ? escapeForGlob(character) : character;
        literal += character;
      }
    }
  }
  flush();
  return components;
}

/** A character as a glob that matches it alone. */
export function escapeForGlob(character: string): string {
  return '*?[]{},\\!'.includes(character) ? `\\${character}` : character;
}
