/**
 * Foreign text for a terminal, a log or a page: one function that makes every path, name and source line harmless.
 *
 * Owns the question of which characters may reach an output as they are. Colours, layout and wording are not here.
 */

/**
 * What must not reach a terminal as it is: C0 and C1 controls and DEL, the bidirectional controls and marks, invisible
 * and zero-width characters, line and paragraph separators, tag characters, variation selectors, lone surrogates,
 * private and unassigned code points.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{DI}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Text in which every character that could move the cursor, change direction, hide or start a new line is spelled out
 * (`\n`, `\x1b`, `\u{202e}`). Printable characters of every script stay as they are.
 *
 * @param text foreign text of any length
 * @returns one line
 * @example escapeText('a\u001b[2Jb') // 'a\\x1b[2Jb'
 */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0)!;
    return (
      SHORT[char] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`)
    );
  });
}

/**
 * A name between double quotes, with quotes and backslashes spelled out, so that two names never look the same.
 *
 * @example quote('a"b') // '"a\\"b"'
 */
export function quote(name: string): string {
  return `"${escapeText(name.replace(/["\\]/g, '\\$&'))}"`;
}

/** A word as a POSIX shell reads it back; words that a terminal could misread are spelled in the `$'…'` form. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  const safe = escapeText(word);
  if (safe === word) return `'${word.replaceAll("'", "'\\''")}'`;
  const bytes = [...new TextEncoder().encode(word)];
  return `$'${bytes.map((byte) => (byte > 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)).join('')}'`;
}
