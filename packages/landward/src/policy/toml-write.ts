/** Values as TOML text: strings, lists, inline tables. Owns quoting only; what is written is the caller's. */

/** What can be written. */
export type TomlValue =
  | string
  | number
  | boolean
  | readonly TomlValue[]
  | { readonly [key: string]: TomlValue };

/** A string in the quotes that show it best: literal quotes where it has backslashes and nothing that needs escapes. */
export function tomlString(text: string): string {
  const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
  if (text.includes('\\') && !text.includes("'") && !hidden.test(text)) return `'${text}'`;
  const escaped = text.replace(/[\\"\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    return `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`;
  });
  return `"${escaped}"`;
}

/** A key, quoted where it must be. */
export function tomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key);
}

/** A value on one line. */
export function tomlValue(value: TomlValue): string {
  if (typeof value === 'string') return tomlString(value);
  if (typeof value !== 'object') return String(value);
  if (isList(value)) return `[${value.map(tomlValue).join(', ')}]`;
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${tomlKey(key)} = ${tomlValue(inner)}`)
    .join(', ')} }`;
}

/** `key = value`; a list that does not fit a line has one item a line. */
export function tomlLine(key: string, value: TomlValue): string {
  const line = `${tomlKey(key)} = ${tomlValue(value)}`;
  if (line.length <= 100 || !isList(value) || value.length === 0) return line;
  return `${tomlKey(key)} = [\n${value.map((item) => `  ${tomlValue(item)},\n`).join('')}]`;
}

function isList(value: TomlValue): value is readonly TomlValue[] {
  return Array.isArray(value);
}
