/**
 * One value into one list of a TOML policy, with every comment, order and line as it was.
 *
 * Owns the place of the insertion only. The parser's syntax tree says where lists, tables and inline tables are; whoever
 * edits reads the result again before it is written.
 */

import type { AST } from 'toml-eslint-parser';
import { tomlKey, tomlString } from '../../policy/toml-write.ts';

/** What to put where. */
export interface Edit {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** Whether the key holds one word and not a list. */
  readonly scalar?: boolean;
}

/**
 * The text with the value added.
 *
 * @param text a TOML text that parses
 * @returns the new text; the old one where the value is there already; `null` where the key holds something else than a list
 */
export async function editToml(text: string, edit: Edit): Promise<string | null> {
  const { parseTOML } = await import('toml-eslint-parser');
  const [body] = parseTOML(text, { tomlVersion: '1.0' }).body;
  const pair = findPair(body.body, [], [edit.section, edit.key]);
  if (pair !== undefined) return intoValue(text, pair.value, edit);
  const inline = findPair(body.body, [], [edit.section]);
  const line = `${tomlKey(edit.key)} = ${edit.scalar ? tomlString(edit.value) : `[${tomlString(edit.value)}]`}`;
  if (inline !== undefined)
    return inline.value.type === 'TOMLInlineTable' ? intoInline(text, inline.value, line) : null;
  const table = body.body.find(
    (node): node is AST.TOMLTable =>
      node.type === 'TOMLTable' && node.kind === 'standard' && node.resolvedKey.join('.') === edit.section,
  );
  if (table === undefined)
    return `${endLine(text)}${text === '' ? '' : '\n'}[${tomlKey(edit.section)}]\n${line}\n`;
  const last = table.body.at(-1);
  const at = lineEnd(text, (last ?? table.key).range[1]);
  return insert(text, at, `\n${line}`);
}

type Pair = AST.TOMLKeyValue;

function namesOf(key: AST.TOMLKey): string[] {
  return key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value));
}

/** The pair whose full path is `wanted`, in tables, dotted keys and inline tables. */
function findPair(
  nodes: readonly (Pair | AST.TOMLTable)[],
  above: readonly (string | number)[],
  wanted: readonly string[],
): Pair | undefined {
  for (const node of nodes) {
    if (node.type === 'TOMLTable') {
      const found = findPair(node.body, node.resolvedKey, wanted);
      if (found !== undefined) return found;
      continue;
    }
    const path = [...above, ...namesOf(node.key)];
    if (path.join('\0') === wanted.join('\0')) return node;
    if (node.value.type !== 'TOMLInlineTable') continue;
    const found = findPair(node.value.body, path, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

function intoValue(text: string, value: AST.TOMLContentNode, edit: Edit): string | null {
  if (edit.scalar) return text.slice(0, value.range[0]) + tomlString(edit.value) + text.slice(value.range[1]);
  if (value.type !== 'TOMLArray') return null;
  const there = value.elements.some((item) => item.type === 'TOMLValue' && item.value === edit.value);
  if (there) return text;
  const word = tomlString(edit.value);
  const last = value.elements.at(-1);
  if (last === undefined) return insert(text, value.range[0] + 1, word);
  const between = text.slice(last.range[1], value.range[1] - 1);
  const comma = /^\s*,/.exec(between);
  const afterLast = last.range[1] + (comma?.[0].length ?? 0);
  const separated = comma === null ? insert(text, last.range[1], ',') : text;
  const at = afterLast + (comma === null ? 1 : 0);
  const multiline = text.slice(value.range[0], value.range[1]).includes('\n');
  if (!multiline) return insert(separated, at, ` ${word}`);
  // A comment behind the last value stays on its line.
  const end = Math.min(lineEnd(separated, at), closing(separated, value.range[1]));
  return insert(separated, end, `\n${indentOf(text, last.range[0])}${word},`);
}

/** Where the bracket of a list stands that ended at `end` before one comma may have been added. */
function closing(text: string, end: number): number {
  return text[end - 1] === ']' ? end - 1 : end;
}

function intoInline(text: string, table: AST.TOMLInlineTable, line: string): string {
  const last = table.body.at(-1);
  return last === undefined
    ? insert(text, table.range[0] + 1, ` ${line} `)
    : insert(text, last.range[1], `, ${line}`);
}

function indentOf(text: string, at: number): string {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, at))![0] || '  ';
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  if (end < 0) return text.length;
  return text[end - 1] === '\r' ? end - 1 : end;
}

function endLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function insert(text: string, at: number, what: string): string {
  return text.slice(0, at) + what + text.slice(at);
}
