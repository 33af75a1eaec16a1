/**
 * The door for policy texts: bytes in, one positioned tree out. Chooses the format, loads its parser when it is needed.
 *
 * Knows nothing of what keys mean.
 */

import { LandwardError } from '../errors.ts';
import { readJson } from './read-json.ts';
import { readToml } from './read-toml.ts';
import { type Source, sourceOf } from './source.ts';
import type { TableNode } from './tree.ts';

export type Format = 'toml' | 'json';

/** A text with its tree. */
export interface ReadText {
  readonly source: Source;
  readonly tree: TableNode;
}

/** The format that a file name stands for; TOML where the name does not say. */
export function formatOf(file: string): Format {
  return /\.jsonc?$/i.test(file) ? 'json' : 'toml';
}

/**
 * Reads a text into its tree.
 *
 * @param file the name that messages show
 * @param input UTF-8 bytes or characters, at most 1 MiB
 * @param format by the file's name when not given
 * @throws LandwardError POLICY_SYNTAX with a position
 * @example
 * const { tree } = await readText('landward.toml', await readFile('landward.toml'));
 */
export async function readText(
  file: string,
  input: Uint8Array | string,
  format: Format = formatOf(file),
): Promise<ReadText> {
  const source = sourceOf(file, input);
  const tree = format === 'json' ? await readJson(source) : await readToml(source);
  if (tree.kind !== 'table') {
    throw new LandwardError('POLICY_INVALID', 'A policy is a table of keys, this text is something else', {
      at: tree.at,
      fix: 'Write the keys inside { }',
    });
  }
  return { source, tree };
}
