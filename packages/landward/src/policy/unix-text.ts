/**
 * UNIX socket targets as people write them: a path, or `@name` for an abstract socket.
 *
 * The name of an abstract socket may have glob characters; its length is bounded as the kernel bounds it.
 */

import { LandwardError } from '../errors.ts';
import { compileSegment } from '../model/glob-segment.ts';
import type { UnixRule } from '../model/rules.ts';
import type { Piece, Refusal } from './expand.ts';
import { escapeForGlob, pathPattern } from './path-text.ts';

/** `sun_path` without its leading NUL, bytes. */
const NAME_MAX = 107;

/**
 * Makes the target of one socket rule.
 *
 * @param pieces the expanded text
 * @param exact whether only the object itself is meant
 */
export function unixTarget(pieces: readonly Piece[], exact: boolean): UnixRule['target'] | Refusal {
  const shown = pieces.map((piece) => piece.text).join('');
  if (pieces[0]?.literal !== false || !shown.startsWith('@')) {
    const pattern = pathPattern(pieces, exact);
    return 'refused' in pattern ? pattern : { kind: 'path', pattern };
  }
  if (shown.length === 1)
    return { refused: 'The name of an abstract socket is missing', fix: 'Write @name, or @* for all' };
  if (new TextEncoder().encode(shown.slice(1)).length > NAME_MAX)
    return { refused: `The name of an abstract socket has at most ${NAME_MAX} bytes, '${shown}' has more` };
  const glob = pieces
    .map(({ text, literal }) => (literal ? [...text].map(escapeForGlob).join('') : text))
    .join('')
    .slice(1);
  try {
    compileSegment(glob);
  } catch (error) {
    if (!(error instanceof LandwardError)) throw error;
    return {
      refused: `${error.message}: '${shown}'`,
      fix: 'Write a backslash before a character that is meant literally',
    };
  }
  return { kind: 'abstract', glob };
}
