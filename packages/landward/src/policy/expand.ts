/**
 * Variables in policy strings: `$name`, `${name}`, `$$`, a leading `~`, and backslash for a literal character.
 *
 * A variable stands for pieces: those of the system are literal text, so that a `*` in the name of a directory never
 * becomes a glob; those of `[vars]` keep the globs that they were written with. Variables with lists multiply.
 */

/** A character sequence of an expanded string; `literal` text has no special characters. */
export interface Piece {
  readonly text: string;
  readonly literal: boolean;
}

/** The values that a variable can have, or undefined where there is no such variable. */
export type Lookup = (name: string) => readonly (readonly Piece[])[] | undefined;

/** How one string may multiply. */
export const MAX_PRODUCT = 4096;

/** What is wrong with a string, and what to do. */
export interface Refusal {
  readonly refused: string;
  readonly fix?: string | undefined;
}

/** Whether a result is a refusal. */
export function isRefusal<T extends object>(result: T | Refusal): result is Refusal {
  return 'refused' in result;
}

const TOKEN = /\\([\s\S])|\$\$|\$\{([^}]*)\}|\$([A-Za-z][A-Za-z0-9_]*)|\$/g;

/**
 * Expands a string into one sequence of pieces for each combination of values.
 *
 * @param text the string as written
 * @param lookup variables, `home` among them
 * @returns every combination, or what is wrong
 * @example
 * expand('$a/x', () => [literal('/one'), literal('/two')]); // two sequences
 */
export function expand(text: string, lookup: Lookup): readonly (readonly Piece[])[] | Refusal {
  if (!text.startsWith('~') && !text.includes('$') && !text.includes('\\'))
    return [text === '' ? [] : [{ text, literal: false }]];
  let results: Piece[][] = [[]];
  let rest = text;
  const append = (piece: Piece) => {
    if (piece.text !== '') for (const result of results) result.push(piece);
  };
  const multiply = (name: string): Refusal | undefined => {
    const values = lookup(name);
    if (values === undefined)
      return {
        refused: `There is no variable '${name}'`,
        fix: 'Define it in [vars], or write $$ for a dollar',
      };
    if (results.length * values.length > MAX_PRODUCT) {
      return {
        refused: `The variables of this text multiply to more than ${MAX_PRODUCT} texts`,
        fix: 'Use shorter lists',
      };
    }
    results = results.flatMap((result) => values.map((value) => [...result, ...value]));
    return undefined;
  };
  if (text === '~' || text.startsWith('~/')) {
    const refusal = multiply('home');
    if (refusal !== undefined) return refusal;
    rest = text.slice(1);
  } else if (text.startsWith('~')) {
    return {
      refused: `The home of another user is not known: '${text}'`,
      fix: 'Write the whole path, or \\~ for a name that begins with ~',
    };
  }
  let last = 0;
  for (const match of rest.matchAll(TOKEN)) {
    append({ text: rest.slice(last, match.index), literal: false });
    last = match.index + match[0].length;
    const name = match[2] ?? match[3];
    if (match[1] !== undefined) append({ text: match[1], literal: true });
    else if (match[0] === '$$') append({ text: '$', literal: true });
    else if (name === undefined)
      return { refused: 'A dollar begins a variable', fix: 'Write $$ for a dollar' };
    else {
      const refusal = multiply(name);
      if (refusal !== undefined) return refusal;
    }
  }
  append({ text: rest.slice(last), literal: false });
  if (rest.slice(last).endsWith('\\')) {
    return {
      refused: 'A backslash stands before the character that it makes literal',
      fix: 'Write two for one backslash',
    };
  }
  return results;
}

/** The variables that a string names. */
export function variablesOf(text: string): readonly string[] {
  const names = Array.from(text.matchAll(TOKEN), (match) => match[2] ?? match[3]).filter(
    (name) => name !== undefined,
  );
  return text === '~' || text.startsWith('~/') ? ['home', ...names] : names;
}

/** The pieces as one plain string, where no character is special. */
export function plain(pieces: readonly Piece[]): string {
  return pieces.map((piece) => piece.text).join('');
}

/** Text without special characters, as pieces. */
export function literal(text: string): readonly Piece[] {
  return [{ text, literal: true }];
}

/** A literal string as it must be written to mean itself: the inverse of `expand`. */
export function quote(text: string): string {
  return text
    .replace(/[\\*?[\]{}]/g, '\\$&')
    .replaceAll('$', '$$$$')
    .replace(/^~/, '\\~');
}
