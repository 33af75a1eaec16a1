/**
 * Gathers the texts of a policy: reads and checks each input and what it extends, refuses cycles, and sorts them into
 * the one grant layer and the limit layers.
 *
 * Reads nothing itself: presets and files come through `PresetSource` and `FileSource`.
 */

import { LandwardError } from '../errors.ts';
import { check } from './check.ts';
import type { PolicyDefinition } from './define.ts';
import { expand, isRefusal, plain } from './expand.ts';
import { sortIntoLayers } from './layer-texts.ts';
import type { Problems } from './problems.ts';
import { type Format, formatOf, readText } from './read.ts';
import { POLICY_SCHEMA } from './schema.ts';
import { entry, items, type Place, stringAt, type TableNode, tableAt } from './tree.ts';
import { treeOfValue } from './tree-of-value.ts';
import { type Scope, textScope } from './vars.ts';

/** Gives the text (TOML) or the definition of a preset by its name without `@`, or undefined where there is none. */
export type PresetSource = (name: string) => string | PolicyDefinition | undefined;

/** Gives the bytes of a file that a policy extends, or undefined where there is none. The path is absolute. */
export type FileSource = (path: string) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/** One policy that is given: a text or a definition. */
export interface PolicyInput {
  /** The file, or the name that messages show. */
  readonly name: string;
  /** UTF-8 bytes or characters. Exactly one of `text` and `value` is given. */
  readonly text?: Uint8Array | string;
  readonly format?: Format;
  readonly value?: PolicyDefinition;
  /** What the text may do at most: `limit` narrows whatever the text says of itself. */
  readonly layer?: 'grant' | 'limit';
  /** What `$project` stands for in this text and what it extends, where it is not what the context says. */
  readonly project?: string;
  /** The absolute directory that relative names in `extends` start from; none when they are refused. */
  readonly directory?: string;
}

/** A text that was read and checked. */
export interface PolicyText {
  readonly name: string;
  readonly preset: string | undefined;
  readonly tree: TableNode;
  readonly scope: Scope;
  readonly layer: 'grant' | 'limit';
  /** Whether the loader, not the text, says that it may only narrow. */
  readonly forced: boolean;
  /** The absolute directory that relative paths of programs start from. */
  readonly directory?: string | undefined;
  readonly extended: readonly PolicyText[];
}

/** The texts by layer: each list in the order in which the texts compose. */
export interface LayeredTexts {
  readonly grants: readonly PolicyText[];
  readonly limits: readonly (readonly PolicyText[])[];
  /** Names of all texts, in order, each once. */
  readonly sources: readonly string[];
}

/** How deep policies may extend each other. */
const MAX_EXTENDS = 16;

/** Reads every input and all that it extends. Problems are noted, never thrown. */
export async function gatherTexts(
  inputs: readonly PolicyInput[],
  context: {
    readonly system: (project: string | undefined) => Scope;
    readonly preset: PresetSource;
    readonly file: FileSource | undefined;
  },
  problems: Problems,
): Promise<LayeredTexts> {
  const done = new Map<string, PolicyText>();

  const load = async (
    input: PolicyInput,
    preset: string | undefined,
    stack: readonly string[],
  ): Promise<PolicyText | undefined> => {
    const tree = await treeOf(input, problems);
    if (tree === undefined) return undefined;
    const before = problems.count;
    check(tree, POLICY_SCHEMA, problems);
    const broken = problems.count > before;
    const extended: PolicyText[] = [];
    for (const item of items(entry(tree, 'extends'))) {
      if (item.kind !== 'string') continue;
      const text = await extend(item.value, item, input, stack);
      if (text !== undefined) extended.push(text);
    }
    if (broken) return undefined;
    const scope = textScope(
      tableAt(tree, 'vars'),
      context.system(input.project),
      extended.map((text) => text.scope),
      problems,
    );
    const says = stringAt(tree, 'layer') === 'limit' ? 'limit' : 'grant';
    const layer = input.layer === 'limit' ? 'limit' : says;
    return {
      name: input.name,
      preset,
      tree,
      scope,
      layer,
      forced: layer === 'limit' && says !== 'limit',
      directory: input.directory,
      extended,
    };
  };

  const extend = async (
    written: string,
    place: Place,
    from: PolicyInput,
    stack: readonly string[],
  ): Promise<PolicyText | undefined> => {
    const found = await locate(written, place, from);
    if (found === undefined) return undefined;
    const { preset } = found;
    const input: PolicyInput =
      from.project === undefined ? found.input : { ...found.input, project: from.project };
    if (stack.includes(input.name)) {
      problems.add(
        place,
        `This policy extends itself: ${[...stack.slice(stack.indexOf(input.name)), input.name].join(' -> ')}`,
        { part: written },
      );
      return undefined;
    }
    if (stack.length >= MAX_EXTENDS) {
      problems.add(place, `Policies extend each other at most ${MAX_EXTENDS} deep`, { part: written });
      return undefined;
    }
    const key = JSON.stringify([input.name, input.project ?? null]);
    const known = done.get(key);
    if (known !== undefined) return known;
    const text = await load(input, preset, [...stack, input.name]);
    if (text !== undefined) done.set(key, text);
    return text;
  };

  const locate = async (
    written: string,
    place: Place,
    from: PolicyInput,
  ): Promise<{ readonly preset: string | undefined; readonly input: PolicyInput } | undefined> => {
    if (written.startsWith('@')) {
      const content = context.preset(written.slice(1));
      if (content === undefined) {
        problems.add(place, `There is no preset '${written}'`, {
          part: written,
          code: 'POLICY_NOT_FOUND',
          fix: 'See landward policy presets',
        });
        return undefined;
      }
      const body =
        typeof content === 'string' ? { text: content, format: 'toml' as const } : { value: content };
      return { preset: written, input: { name: written, ...body } };
    }
    const path = filePath(written, place, from);
    if (path === undefined) return undefined;
    let bytes: Uint8Array | undefined;
    try {
      bytes = await context.file?.(path);
    } catch (error) {
      if (!(error instanceof LandwardError)) throw error;
      problems.add(place, error.message, { part: written, code: error.code, fix: error.fix });
      return undefined;
    }
    if (bytes === undefined) {
      problems.add(place, `There is no policy file '${path}'`, { part: written, code: 'POLICY_NOT_FOUND' });
      return undefined;
    }
    return {
      preset: undefined,
      input: {
        name: path,
        text: bytes,
        format: formatOf(path),
        directory: path.replace(/\/[^/]*$/, '') || '/',
      },
    };
  };

  const filePath = (written: string, place: Place, from: PolicyInput): string | undefined => {
    const results = expand(written, context.system(from.project).lookup);
    const refusal = isRefusal(results)
      ? results
      : results.length === 1
        ? undefined
        : { refused: 'The name of a file is one name', fix: undefined };
    if (refusal !== undefined || isRefusal(results)) {
      problems.add(place, refusal!.refused, { part: written, fix: refusal!.fix });
      return undefined;
    }
    const path = plain(results[0]!);
    const base = path.startsWith('/') ? '' : from.directory;
    if (base === undefined) {
      problems.add(place, `A relative file name has no meaning here: '${written}'`, {
        part: written,
        fix: 'Write the whole path, or $project/…',
      });
      return undefined;
    }
    return normalFile(`${base}/${path}`);
  };

  const roots: PolicyText[] = [];
  for (const input of inputs) {
    const text = await load(input, input.name.startsWith('@') ? input.name : undefined, [input.name]);
    if (text !== undefined) roots.push(text);
  }
  return sortIntoLayers(roots);
}

async function treeOf(input: PolicyInput, problems: Problems): Promise<TableNode | undefined> {
  if (input.text === undefined) {
    const tree = treeOfValue(input.value, input.name);
    if (tree.kind === 'table') return tree;
    problems.add(tree, 'A policy is a table of keys, this is something else', {
      fix: 'Write definePolicy({ ... })',
    });
    return undefined;
  }
  try {
    const { source, tree } = await readText(input.name, input.text, input.format ?? formatOf(input.name));
    problems.know(source);
    return tree;
  } catch (error) {
    if (!(error instanceof LandwardError)) throw error;
    problems.addError(error);
    return undefined;
  }
}

/** A file name without `.`, `..` and `//`; the loader follows symbolic links. */
function normalFile(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
