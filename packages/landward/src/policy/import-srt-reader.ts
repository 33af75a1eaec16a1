/** Pieces of sandbox-runtime settings as pieces of a policy: paths, domains, addresses. Collects differences and problems. */

import { isRefusal } from './expand.ts';
import { readTarget } from './net-text.ts';
import type { Problems } from './problems.ts';
import { entry, items, type TableNode, type TextNode } from './tree.ts';

/** Reads values of the settings. A denial that cannot be taken over is a problem, a permission only a difference. */
export class SrtReader {
  readonly problems: Problems;
  readonly differences = new Set<string>();

  constructor(problems: Problems) {
    this.problems = problems;
  }

  /** The strings of a list. */
  strings(table: TableNode | undefined, key: string): readonly TextNode[] {
    const node = entry(table, key);
    if (node !== undefined && node.kind !== 'list') {
      this.problems.add(node, `The key '${key}' is a list`);
      return [];
    }
    return items(node).flatMap((item) => {
      if (item.kind === 'string') return [item];
      this.problems.add(item, `The items of '${key}' are text`);
      return [];
    });
  }

  /** A path as one of ours: relative paths start at the project, `$` is a dollar, braces are no globs. */
  path({ value }: TextNode): string {
    const escaped = value.replace(/[{}\\]/g, '\\$&').replaceAll('$', '$$$$');
    if (escaped.startsWith('/') || escaped === '~' || escaped.startsWith('~/')) return escaped;
    const inside = escaped.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
    return inside === '' || inside === '.' ? '$project' : `$project/${inside}`;
  }

  /** A path for writing, where globs had no effect on Linux. */
  writePath(node: TextNode, key: 'allowWrite' | 'denyWrite'): string[] {
    const path = this.path(node).replace(/\/\*\*\/?$/, '');
    if (!/(?<!\\)[*?[\]]/.test(path)) return [path];
    const here = key === 'denyWrite' ? 'a denial' : 'left out';
    this.differences.add(
      `'filesystem.${key}' has the glob '${node.value}', which was skipped on Linux there: here it is ${here}`,
    );
    return key === 'denyWrite' ? [path] : [];
  }

  /** A domain with an optional port as a TCP target. */
  domain(node: TextNode, key: 'allowedDomains' | 'deniedDomains'): string[] {
    const { value } = node;
    const target =
      value === '*' ? 'tcp:*' : value.startsWith('*:') ? `tcp:${value.slice(2)}` : `tcp:${value}`;
    const read = readTarget(target);
    if (!isRefusal(read)) return [target];
    if (key === 'deniedDomains')
      this.problems.add(node, `The denial '${value}' cannot be taken over: ${read.refused}`, {
        fix: read.fix,
      });
    else this.differences.add(`'network.${key}' has '${value}', which is not taken over: ${read.refused}`);
    return [];
  }

  /** A denied address or network as a target of TCP and UDP. */
  address(node: TextNode): string[] {
    const [address = '', prefix] = node.value.split('/');
    const target = `${address.includes(':') ? `[${address}]` : address}${prefix === undefined ? '' : `/${prefix}`}`;
    const read = readTarget(target);
    if (!isRefusal(read)) return [target];
    this.problems.add(node, `The denial '${node.value}' cannot be taken over: ${read.refused}`, {
      fix: read.fix,
    });
    return [];
  }

  /** Notes the keys of a table that are not known. */
  unknown(table: TableNode, prefix: string, known: readonly string[]): void {
    for (const { key, keyPlace } of table.entries)
      if (!known.includes(key)) this.noCounterpart(`${prefix}${key}`, keyPlace.at.line);
  }

  noCounterpart(key: string, line: number): void {
    this.differences.add(`'${key}' of line ${line} has no counterpart and is not taken over`);
  }
}
