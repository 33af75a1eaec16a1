/**
 * The policy programs that a text names, with paths from the text's own directory. They only narrow, so that a limit may name
 * them like any other text.
 *
 * Owns the reading and the printing of `programs`. The files themselves are read by whoever compiles for a host.
 */

import { normalise } from '../model/paths.ts';
import { expand, isRefusal, plain, quote } from './expand.ts';
import type { Policy, PolicyProgram } from './policy.ts';
import type { Problems } from './problems.ts';
import type { PolicyText } from './texts.ts';
import { type TomlValue, tomlLine } from './toml-write.ts';
import { entry, items, type TextNode, type TreeNode, tableAt } from './tree.ts';

/** The programs of a text. */
export function programsOf(text: PolicyText, problems: Problems): readonly PolicyProgram[] {
  return items(entry(text.tree, 'programs')).flatMap((item) => {
    const file = item.kind === 'table' ? entry(item, 'file') : item;
    const maps = item.kind === 'table' ? (tableAt(item, 'inodes')?.entries ?? []) : [];
    const inodes = maps.map(({ key, value }) => [key, paths(text, value, problems)] as const);
    return paths(text, file, problems).map((path) => ({
      path,
      inodes: Object.fromEntries(inodes),
      origin: item.at,
    }));
  });
}

function paths(text: PolicyText, node: TreeNode | undefined, problems: Problems): readonly string[] {
  return items(node).flatMap((item) => (item.kind === 'string' ? absolute(text, item, problems) : []));
}

function absolute(text: PolicyText, place: TextNode, problems: Problems): readonly string[] {
  const { value } = place;
  const results = expand(value, text.scope.lookup);
  if (isRefusal(results)) {
    problems.add(place, results.refused, { part: value, fix: results.fix });
    return [];
  }
  return results.map(plain).flatMap((path) => {
    if (path.startsWith('/')) return [normalise(path)];
    if (text.directory !== undefined) return [normalise(`${text.directory}/${path}`)];
    problems.add(place, `This text lies in no directory, so that '${value}' leads nowhere`, {
      part: value,
      fix: 'Write an absolute path',
    });
    return [];
  });
}

/** The programs of a policy as TOML lines, which stand before any table: those of limits as well, since all are asked alike. */
export function printPrograms({ programs = [] }: Policy): string[] {
  if (programs.length === 0) return [];
  const written = programs.map(({ path, inodes }): TomlValue => {
    const maps = Object.entries(inodes).map(([map, paths]) => [map, paths.map(quote)] as const);
    return maps.length === 0 ? quote(path) : { file: quote(path), inodes: Object.fromEntries(maps) };
  });
  return [tomlLine('programs', written), ''];
}
