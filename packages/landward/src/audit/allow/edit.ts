/**
 * A suggestion as an edit of a policy's text, in the text's own format.
 *
 * Owns the choice of the editor. JSON with comments is edited by jsonc-parser, TOML by `edit-toml.ts`.
 */

import { LandwardError } from '../../errors.ts';
import type { Suggestion } from '../explain/explanation.ts';
import { editToml } from './edit-toml.ts';

/**
 * The text with the suggested value in its list; comments and order stay.
 *
 * @param file the name of the text, whose ending tells the format
 * @throws LandwardError USAGE for a suggestion that is no addition, or a list that cannot be edited
 */
export async function editPolicy(text: string, file: string, suggestion: Suggestion): Promise<string> {
  if (suggestion.kind !== 'add')
    throw new LandwardError('USAGE', `The rule '${suggestion.value}' in ${file} says no on purpose`, {
      part: suggestion.value,
      fix: 'Change or remove that rule by hand',
    });
  const { section, key, value } = suggestion;
  const scalar = section === 'process';
  const edited = /\.jsonc?$/.test(file)
    ? await editJson(text, { section, key, value, scalar })
    : await editToml(text, { section, key, value, scalar });
  if (edited === null)
    throw new LandwardError('USAGE', `${section}.${key} in ${file} is not a list that can be added to`, {
      part: `${section}.${key}`,
      fix: `Add ${value} by hand`,
    });
  return edited;
}

interface JsonEdit {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly scalar: boolean;
}

async function editJson(text: string, { section, key, value, scalar }: JsonEdit): Promise<string | null> {
  const { applyEdits, findNodeAtLocation, modify, parseTree } = (await import('jsonc-parser')).default;
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root === undefined) return null;
  const node = findNodeAtLocation(root, [section, key]);
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
  const formattingOptions = { insertSpaces: !indent.includes('\t'), tabSize: indent.length, eol: '\n' };
  if (scalar || node === undefined)
    return applyEdits(text, modify(text, [section, key], scalar ? value : [value], { formattingOptions }));
  if (node.type !== 'array') return null;
  if (node.children?.some((child) => child.value === value)) return text;
  const at = [section, key, node.children?.length ?? 0];
  return applyEdits(text, modify(text, at, value, { formattingOptions, isArrayInsertion: true }));
}
