/**
 * JSON and JSON with comments to the positioned tree, by way of jsonc-parser.
 *
 * Refuses what the parser would accept silently: duplicate keys. A trailing comma and comments are accepted.
 */

import type { Node, ParseError } from 'jsonc-parser';
import { MAX_DEPTH, positionAt, type Source, syntaxError } from './source.ts';
import { below, type Entry, type TreeNode } from './tree.ts';

/** What the parser's error codes mean; the codes are the parser's own and stable. */
const MESSAGES: Readonly<Record<string, string>> = {
  InvalidSymbol: 'an unknown word stands here',
  InvalidNumberFormat: 'this is not a number',
  PropertyNameExpected: 'a key in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is expected here',
  CommaExpected: 'a comma is expected here',
  CloseBraceExpected: 'a closing brace is expected here',
  CloseBracketExpected: 'a closing bracket is expected here',
  EndOfFileExpected: 'the text should end here',
  InvalidCommentToken: 'a comment may not stand here',
  UnexpectedEndOfComment: 'this comment is not closed',
  UnexpectedEndOfString: 'this string is not closed',
  UnexpectedEndOfNumber: 'this number is not complete',
  InvalidUnicode: 'this is not a Unicode escape',
  InvalidEscapeCharacter: 'this is not an escape',
  InvalidCharacter: 'this character must be escaped',
};

/**
 * Reads a JSON or JSONC text.
 *
 * @throws LandwardError POLICY_SYNTAX at the first place that is not JSON
 */
export async function readJson(source: Source): Promise<TreeNode> {
  const { parseTree, printParseErrorCode } = (await import('jsonc-parser')).default;
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(source.text, errors, { allowTrailingComma: true, allowEmptyContent: false });
  } catch {
    throw syntaxError(source, 0, `Lists and tables nest at most ${MAX_DEPTH} deep`);
  }
  const first = errors[0];
  if (first !== undefined) {
    const message = MESSAGES[printParseErrorCode(first.error)] ?? 'this cannot be read';
    throw syntaxError(source, first.offset, `This is not JSON: ${message}`);
  }
  if (root === undefined)
    throw syntaxError(source, 0, 'This is not JSON: the text is empty', 'Write {} for an empty policy');
  return convert(source, root, '', 0);
}

function convert(source: Source, node: Node, where: string, depth: number): TreeNode {
  if (depth > MAX_DEPTH)
    throw syntaxError(source, node.offset, `Lists and tables nest at most ${MAX_DEPTH} deep`);
  const place = { at: positionAt(source, node.offset), where };
  switch (node.type) {
    case 'string':
      return { kind: 'string', value: node.value, ...place };
    case 'number':
      return { kind: 'number', value: node.value, ...place };
    case 'boolean':
      return { kind: 'boolean', value: node.value, ...place };
    case 'array':
      return {
        kind: 'list',
        items: (node.children ?? []).map((child, index) =>
          convert(source, child, `${where}[${index}]`, depth + 1),
        ),
        ...place,
      };
    case 'object':
      return { kind: 'table', entries: entriesOf(source, node, where, depth), ...place };
    default:
      return { kind: 'other', what: 'null', ...place };
  }
}

function entriesOf(source: Source, node: Node, where: string, depth: number): Entry[] {
  const seen = new Set<string>();
  return (node.children ?? []).map((property) => {
    const [keyNode, valueNode] = property.children!;
    const key: string = keyNode!.value;
    if (seen.has(key))
      throw syntaxError(source, keyNode!.offset, `The key '${key}' is written twice`, 'Keep one of them');
    seen.add(key);
    const inner = below(where, key);
    return {
      key,
      keyPlace: { at: positionAt(source, keyNode!.offset), where: inner },
      value: convert(source, valueNode!, inner, depth + 1),
    };
  });
}
