/**
 * TOML to the positioned tree: walks the syntax tree of toml-eslint-parser and merges tables that are written in parts.
 *
 * The parser refuses duplicate keys itself; what is merged here is only what TOML allows to be written in parts.
 */

import type { AST } from 'toml-eslint-parser';
import { MAX_DEPTH, positionAt, type Source, syntaxError } from './source.ts';
import { below, type Entry, type Place, type TreeNode } from './tree.ts';

/** A table while it is being put together. */
interface Draft extends Place {
  readonly kind: 'draft';
  readonly entries: Map<string, { readonly keyPlace: Place; value: Draft | DraftList | TreeNode }>;
}
interface DraftList extends Place {
  readonly kind: 'drafts';
  readonly items: Draft[];
}

/**
 * Reads a TOML text.
 *
 * @throws LandwardError POLICY_SYNTAX at the first place that is not TOML
 */
export async function readToml(source: Source): Promise<TreeNode> {
  const { parseTOML, ParseError } = await import('toml-eslint-parser');
  let program: AST.TOMLProgram;
  try {
    program = parseTOML(source.text, { tomlVersion: '1.0' });
  } catch (error) {
    if (error instanceof ParseError) {
      throw syntaxError(
        source,
        error.index,
        `This is not TOML: ${lowered(error.message)}`,
        fixOf(error.message),
      );
    }
    // The parser's stack ends at lists that are too deep and at strings that are too long, and does not say which.
    if (error instanceof RangeError) {
      throw syntaxError(
        source,
        0,
        `This text is too deep or too long to be read: lists and tables nest at most ${MAX_DEPTH} deep, and a string stays below 65,536 characters`,
      );
    }
    throw syntaxError(source, 0, 'This text cannot be read as TOML');
  }
  const root: Draft = { kind: 'draft', entries: new Map(), at: positionAt(source, 0), where: '' };
  for (const node of program.body[0].body) {
    if (node.type === 'TOMLKeyValue') put(source, root, node, 0);
    else {
      const table = openTable(source, root, node);
      for (const pair of node.body) put(source, table, pair, 0);
    }
  }
  return finish(root);
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function fixOf(message: string): string | undefined {
  if (message.includes('multiple times')) return 'Keep one of them';
  if (message.includes('Unterminated')) return 'Close it';
  return undefined;
}

function nameOf(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === 'TOMLBare' ? key.name : key.value;
}

/** Follows `[a.b]` or `[[a.b]]` from the root, making what is missing. */
function openTable(source: Source, root: Draft, node: AST.TOMLTable): Draft {
  const keys = node.key.keys;
  let table = root;
  keys.forEach((key, index) => {
    const last = index === keys.length - 1;
    depthGuard(source, key, index);
    table = step(source, table, key, last && node.kind === 'array');
  });
  return table;
}

function depthGuard(source: Source, key: AST.TOMLBare | AST.TOMLQuoted, depth: number): void {
  if (depth > MAX_DEPTH)
    throw syntaxError(source, key.range[0], `Lists and tables nest at most ${MAX_DEPTH} deep`);
}

/** One key further down: the table there, the last of its array of tables, or a new one. */
function step(source: Source, table: Draft, key: AST.TOMLBare | AST.TOMLQuoted, append: boolean): Draft {
  const name = nameOf(key);
  const place = { at: positionAt(source, key.range[0]), where: below(table.where, name) };
  const found = table.entries.get(name);
  if (found === undefined) {
    if (append) {
      const list: DraftList = { kind: 'drafts', items: [], ...place };
      table.entries.set(name, { keyPlace: place, value: list });
      return appendTo(list, place.at);
    }
    const draft: Draft = { kind: 'draft', entries: new Map(), ...place };
    table.entries.set(name, { keyPlace: place, value: draft });
    return draft;
  }
  if (found.value.kind === 'drafts')
    return append ? appendTo(found.value, place.at) : found.value.items.at(-1)!;
  if (found.value.kind === 'draft' && !append) return found.value;
  throw syntaxError(source, key.range[0], `The key '${name}' has a value already`, 'Keep one of them');
}

function appendTo(list: DraftList, at: Place['at']): Draft {
  const draft: Draft = {
    kind: 'draft',
    entries: new Map(),
    at,
    where: `${list.where}[${list.items.length}]`,
  };
  list.items.push(draft);
  return draft;
}

function put(source: Source, table: Draft, pair: AST.TOMLKeyValue, depth: number): void {
  const keys = pair.key.keys;
  let target = table;
  keys.slice(0, -1).forEach((key, index) => {
    depthGuard(source, key, depth + index);
    target = step(source, target, key, false);
  });
  const key = keys.at(-1)!;
  const name = nameOf(key);
  if (target.entries.has(name)) {
    throw syntaxError(source, key.range[0], `The key '${name}' has a value already`, 'Keep one of them');
  }
  const keyPlace = { at: positionAt(source, key.range[0]), where: below(target.where, name) };
  target.entries.set(name, {
    keyPlace,
    value: valueNode(source, pair.value, keyPlace.where, depth + keys.length),
  });
}

function valueNode(
  source: Source,
  node: AST.TOMLContentNode,
  where: string,
  depth: number,
): TreeNode | Draft {
  const place = { at: positionAt(source, node.range[0]), where };
  if (depth > MAX_DEPTH)
    throw syntaxError(source, node.range[0], `Lists and tables nest at most ${MAX_DEPTH} deep`);
  if (node.type === 'TOMLArray') {
    const items = node.elements.map((element, index) => {
      const value = valueNode(source, element, `${where}[${index}]`, depth + 1);
      return value.kind === 'draft' ? finish(value) : value;
    });
    return { kind: 'list', items, ...place };
  }
  if (node.type === 'TOMLInlineTable') {
    const draft: Draft = { kind: 'draft', entries: new Map(), ...place };
    for (const pair of node.body) put(source, draft, pair, depth + 1);
    return finish(draft);
  }
  switch (node.kind) {
    case 'string':
      return { kind: 'string', value: node.value, ...place };
    case 'boolean':
      return { kind: 'boolean', value: node.value, ...place };
    case 'integer':
    case 'float':
      return { kind: 'number', value: Number(node.value), ...place };
    default:
      return { kind: 'other', what: 'a date', ...place };
  }
}

function finish(draft: Draft): TreeNode {
  const entries: Entry[] = [];
  for (const [key, { keyPlace, value }] of draft.entries) {
    if (value.kind === 'draft') entries.push({ key, keyPlace, value: finish(value) });
    else if (value.kind === 'drafts') {
      const { at, where } = value;
      entries.push({ key, keyPlace, value: { kind: 'list', items: value.items.map(finish), at, where } });
    } else entries.push({ key, keyPlace, value });
  }
  return { kind: 'table', entries, at: draft.at, where: draft.where };
}
