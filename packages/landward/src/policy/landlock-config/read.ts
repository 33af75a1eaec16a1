/**
 * Reads an official Landlock configuration (TOML or JSON). Every problem is positioned, nothing is half read.
 *
 * Also expands the variables of its paths, since a configuration can be read without being used.
 */

import { LandwardError } from '../../errors.ts';
import { abiRow, FS_RIGHTS, NET_RIGHTS, SCOPES } from '../../uapi/landlock.ts';
import { check } from '../check.ts';
import { MAX_PRODUCT } from '../expand.ts';
import { problems as collectProblems, type Problems } from '../problems.ts';
import { type Format, formatOf, readText } from '../read.ts';
import { entry, items, numberAt, stringAt, type TableNode, type TreeNode } from '../tree.ts';
import { fsGroup, type LandlockConfig, sortedMap } from './config.ts';
import { ALL_GROUP, configSchema, KEYS } from './schema.ts';

/**
 * Reads a configuration.
 *
 * @param file the name that messages show
 * @param input UTF-8 bytes or characters
 * @param format by the file's name when not given
 * @throws LandwardError or PolicyErrors with positions
 * @example
 * const config = await readLandlockConfig('base.toml', await readFile('base.toml'));
 */
export async function readLandlockConfig(
  file: string,
  input: Uint8Array | string,
  format: Format = formatOf(file),
): Promise<LandlockConfig> {
  const problems = collectProblems();
  const { source, tree } = await readText(file, input, format);
  problems.know(source);
  check(tree, configSchema(format), problems);
  problems.throwIfAny();
  const config = configOf(tree, KEYS[format], problems);
  problems.throwIfAny();
  return config;
}

function configOf(tree: TableNode, key: (typeof KEYS)[Format], problems: Problems): LandlockConfig {
  if (
    ![key.variable, key.ruleset, key.pathBeneath, key.netPort].some((name) => entry(tree, name) !== undefined)
  ) {
    problems.add(
      tree,
      `A configuration has ${key.variable}, ${key.ruleset}, ${key.pathBeneath} or ${key.netPort}, this one has none`,
    );
  }
  const abi = numberAt(tree, 'abi');
  const masks = {
    fs: (list: TreeNode | undefined) => maskOf(list, 'fs', abi, problems),
    net: (list: TreeNode | undefined) => maskOf(list, 'net', abi, problems),
    scope: (list: TreeNode | undefined) => maskOf(list, 'scope', abi, problems),
  };
  let handledFs = 0;
  let handledNet = 0;
  let scoped = 0;
  for (const ruleset of tables(tree, key.ruleset)) {
    if (ruleset.entries.length === 0)
      problems.add(ruleset, `A ruleset has ${key.fs}, ${key.net} or ${key.scoped}, this one is empty`);
    handledFs |= masks.fs(entry(ruleset, key.fs));
    handledNet |= masks.net(entry(ruleset, key.net));
    scoped |= masks.scope(entry(ruleset, key.scoped));
  }
  const variables = variablesOf(tree, key.variable);
  const paths = new Map<string, number>();
  for (const rule of tables(tree, key.pathBeneath)) {
    const mask = masks.fs(entry(rule, key.allowed));
    for (const parent of items(entry(rule, 'parent'))) {
      if (parent.kind !== 'string') continue;
      const wrong = expandTemplate(parent.value, variables);
      if (typeof wrong === 'string') problems.add(parent, wrong, { part: parent.value });
      paths.set(parent.value, (paths.get(parent.value) ?? 0) | mask);
    }
    handledFs |= mask;
  }
  const ports = new Map<number, number>();
  for (const rule of tables(tree, key.netPort)) {
    const mask = masks.net(entry(rule, key.allowed));
    for (const port of items(entry(rule, 'port')))
      if (port.kind === 'number') ports.set(port.value, (ports.get(port.value) ?? 0) | mask);
    handledNet |= mask;
  }
  return { abi, handledFs, handledNet, scoped, variables, paths: sortedMap(paths), ports: sortedMap(ports) };
}

function tables(tree: TableNode, key: string): readonly TableNode[] {
  return items(entry(tree, key)).filter((item) => item.kind === 'table');
}

function variablesOf(tree: TableNode, key: string): ReadonlyMap<string, readonly string[]> {
  const variables = new Map<string, Set<string>>();
  for (const table of tables(tree, key)) {
    const name = stringAt(table, 'name') ?? '';
    const values = variables.get(name) ?? new Set();
    variables.set(name, values);
    for (const item of items(entry(table, 'literal'))) if (item.kind === 'string') values.add(item.value);
  }
  return sortedMap([...variables].map(([name, values]) => [name, [...values].sort()] as const));
}

function maskOf(
  list: TreeNode | undefined,
  kind: 'fs' | 'net' | 'scope',
  abi: number | undefined,
  problems: Problems,
): number {
  let mask = 0;
  for (const item of items(list)) {
    if (item.kind !== 'string') continue;
    const name = item.value;
    if (name.startsWith('abi.')) {
      if (abi === undefined) {
        problems.add(item, `The group '${name}' depends on an ABI, this text names none`, {
          part: name,
          fix: 'Add abi = 6, or the ABI that is meant',
        });
        continue;
      }
      const row = abiRow(abi);
      if (kind === 'fs') mask |= fsGroup(name as 'abi.all', abi);
      else if (name === ALL_GROUP) mask |= kind === 'net' ? row.net : row.scoped;
    } else if (kind === 'fs') mask |= 1 << FS_RIGHTS[`fs.${name}` as keyof typeof FS_RIGHTS].bit;
    else if (kind === 'net') mask |= 1 << NET_RIGHTS[`net.${name}` as keyof typeof NET_RIGHTS].bit;
    else mask |= 1 << SCOPES[`scope.${name}` as keyof typeof SCOPES].bit;
  }
  return mask;
}

/** The paths of a template, or what is wrong with it. `${name}` is a variable, `$$` a dollar. */
export function expandTemplate(
  template: string,
  variables: ReadonlyMap<string, readonly string[]>,
): readonly string[] | string {
  let results = [''];
  let last = 0;
  for (const match of template.matchAll(/\$\$|\$\{([^}]*)\}|\$/g)) {
    const before = template.slice(last, match.index);
    last = match.index + match[0].length;
    let values: readonly string[];
    if (match[0] === '$$') values = ['$'];
    else {
      const name = match[1];
      if (name === undefined)
        return `A dollar begins a variable as in \${name}, '${template}' has one alone: write $$ for a dollar`;
      const found = variables.get(name);
      if (found === undefined) return `There is no variable '${name}'`;
      values = found;
    }
    if (results.length * values.length > MAX_PRODUCT)
      return `The variables of '${template}' multiply to more than ${MAX_PRODUCT} paths`;
    results = results.flatMap((result) => values.map((value) => result + before + value));
  }
  return results.map((result) => result + template.slice(last));
}

/**
 * The rights of a configuration by path, with variables replaced and equal paths merged.
 *
 * @throws LandwardError POLICY_INVALID for a template that cannot be expanded
 */
export function expandPaths(config: LandlockConfig): ReadonlyMap<string, number> {
  const paths = new Map<string, number>();
  for (const [template, mask] of config.paths) {
    const expanded = expandTemplate(template, config.variables);
    if (typeof expanded === 'string') throw new LandwardError('POLICY_INVALID', expanded, { part: template });
    for (const path of expanded) paths.set(path, (paths.get(path) ?? 0) | mask);
  }
  return sortedMap(paths);
}
