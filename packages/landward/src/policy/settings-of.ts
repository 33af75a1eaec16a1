/**
 * What a policy says beside rules: process, environment, limits, floor, log, descriptors. Composes the grant texts,
 * then narrows by each limit.
 *
 * One principle for all of them: where two texts disagree, the stricter wins; what nobody allows is denied.
 */

import { envMatches, narrowEnv } from './env-glob.ts';
import type { Feature } from './features.ts';
import { isMutable } from './mutable-of.ts';
import type { EnvPlan } from './plan.ts';
import type { LimitPolicy, Policy, ProcessPolicy } from './policy.ts';
import type { Problems } from './problems.ts';
import type { PolicyText } from './texts.ts';
import {
  booleanAt,
  entry,
  items,
  numberAt,
  stringAt,
  type TableNode,
  type TreeNode,
  tableAt,
} from './tree.ts';
import { readDuration, readSize } from './units.ts';

/** The settings of `[process]` that are denied or allowed, by their keys. */
export const PROCESS_KEYS = {
  ioUring: 'io_uring',
  ptrace: 'ptrace',
  namespaces: 'namespaces',
  terminalInjection: 'terminal_injection',
} as const satisfies Record<Exclude<keyof ProcessPolicy, 'syscalls'>, string>;

/** The settings of a policy. */
export type Settings = Pick<Policy, 'process' | 'env' | 'limits' | 'require' | 'keepFds' | 'log'>;

/** Composes the settings of all texts. */
export function settingsOf(
  grants: readonly PolicyText[],
  limits: readonly (readonly PolicyText[])[],
  problems: Problems,
): Settings {
  const texts = [...grants, ...limits.flat()];
  for (const text of limits.flat()) refuseWidening(text, problems);
  return {
    process: processOf(grants, limits),
    env: envOf(grants, limits.flat()),
    limits: limitsOf(texts, problems),
    require: requireOf(texts, grants),
    keepFds: [
      ...new Set(grants.flatMap((text) => numbersAt(tableAt(text.tree, 'process'), 'keep_fds'))),
    ].sort((a, b) => a - b),
    log: logOf(grants),
  };
}

/** Keys that can only widen have no place in a text that calls itself a limit; one that is made a limit loses them. */
function refuseWidening(text: PolicyText, problems: Problems): void {
  if (text.forced) return;
  for (const [table, key] of [
    ['env', 'set'],
    ['require', 'degrade'],
    ['process', 'keep_fds'],
  ] as const) {
    const node = entry(tableAt(text.tree, table), key);
    if (node !== undefined && text.preset === undefined) {
      problems.add(node, `A limit only narrows, '${table}.${key}' widens`, {
        part: key,
        fix: 'Move the key to a policy that grants',
      });
    }
  }
}

function processOf(grants: readonly PolicyText[], limits: readonly (readonly PolicyText[])[]): ProcessPolicy {
  const value = (key: string): 'deny' | 'allow' => {
    const layers = [
      grants,
      ...limits.filter((layer) => layer.some((text) => entry(text.tree, 'process') !== undefined)),
    ];
    return layers.every((layer) => allowed(layer, key)) ? 'allow' : 'deny';
  };
  // What may change is asked about, and not refused for good.
  const syscalls = [...grants, ...limits.filter((layer) => !isMutable(layer)).flat()].flatMap((text) =>
    stringsAt(tableAt(text.tree, 'process'), 'syscalls'),
  );
  return {
    ioUring: value(PROCESS_KEYS.ioUring),
    ptrace: value(PROCESS_KEYS.ptrace),
    namespaces: value(PROCESS_KEYS.namespaces),
    terminalInjection: value(PROCESS_KEYS.terminalInjection),
    syscalls: [...new Set(syscalls)].sort(),
  };
}

function allowed(layer: readonly PolicyText[], key: string): boolean {
  const said = layer.map((text) => stringAt(tableAt(text.tree, 'process'), key));
  return said.includes('allow') && !said.includes('deny');
}

function envOf(grants: readonly PolicyText[], limits: readonly PolicyText[]): EnvPlan {
  const envs = grants.map((text) => tableAt(text.tree, 'env')).filter((table) => table !== undefined);
  const passing = envs.filter((table) => entry(table, 'pass') !== undefined);
  let pass: readonly string[] | null =
    passing.length === 0 ? null : [...new Set(passing.flatMap((table) => stringsAt(table, 'pass')))].sort();
  const scrub = envs.flatMap((table) => stringsAt(table, 'scrub'));
  const set = new Map<string, string>();
  for (const table of envs)
    for (const { key, value } of tableAt(table, 'set')?.entries ?? [])
      if (value.kind === 'string') set.set(key, value.value);
  for (const text of limits) {
    const table = tableAt(text.tree, 'env');
    if (entry(table, 'pass') !== undefined) pass = narrowEnv(pass, stringsAt(table, 'pass'));
    scrub.push(...stringsAt(table, 'scrub'));
    for (const name of [...set.keys()]) {
      const passes =
        entry(table, 'pass') === undefined ||
        stringsAt(table, 'pass').some((pattern) => envMatches(pattern, name));
      if (!passes || stringsAt(table, 'scrub').some((pattern) => envMatches(pattern, name))) set.delete(name);
    }
  }
  const sorted = [...set].sort(([a], [b]) => (a < b ? -1 : 1));
  return { pass, scrub: [...new Set(scrub)].sort(), set: Object.fromEntries(sorted) };
}

function limitsOf(texts: readonly PolicyText[], problems: Problems): LimitPolicy {
  const least = (key: string, read: (node: TreeNode) => number | null): number | undefined => {
    let lowest: number | undefined;
    for (const text of texts) {
      const node = entry(tableAt(text.tree, 'limits'), key);
      if (node === undefined) continue;
      const value = read(node);
      if (value === null)
        problems.add(node, 'This is more than a number can hold exactly', { fix: 'Write a smaller one' });
      else if (lowest === undefined || value < lowest) lowest = value;
    }
    return lowest;
  };
  const count = (node: TreeNode) => (node.kind === 'number' ? node.value : null);
  const size = (node: TreeNode) =>
    node.kind === 'string' || node.kind === 'number' ? readSize(node.value) : null;
  const duration = (node: TreeNode) => (node.kind === 'string' ? readDuration(node.value) : null);
  const seconds = (node: TreeNode) => {
    const ms = duration(node);
    return ms === null ? null : ms / 1000;
  };
  const found = {
    procs: least('procs', count),
    memoryBytes: least('memory', size),
    cpuSeconds: least('cpu', seconds),
    files: least('files', count),
    fileSizeBytes: least('file_size', size),
    coreBytes: least('core', size),
    timeMs: least('time', duration),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function requireOf(texts: readonly PolicyText[], grants: readonly PolicyText[]): Policy['require'] {
  const floors = texts
    .map((text) => numberAt(tableAt(text.tree, 'require'), 'abi'))
    .filter((abi) => abi !== undefined);
  const degrade = grants.flatMap((text) => stringsAt(tableAt(text.tree, 'require'), 'degrade') as Feature[]);
  return {
    ...(floors.length === 0 ? {} : { abi: Math.max(...floors) }),
    degrade: [...new Set(degrade)].sort(),
  };
}

function logOf(grants: readonly PolicyText[]): Policy['log'] {
  const on = (key: string): boolean => {
    const said = grants
      .map((text) => booleanAt(tableAt(text.tree, 'log'), key))
      .filter((value) => value !== undefined);
    return said.length === 0 || said.includes(true);
  };
  return { sameExec: on('same_exec'), newExec: on('new_exec'), subdomains: on('subdomains') };
}

function stringsAt(table: TableNode | undefined, key: string): string[] {
  return items(entry(table, key)).flatMap((item) => (item.kind === 'string' ? [item.value] : []));
}

function numbersAt(table: TableNode | undefined, key: string): number[] {
  return items(entry(table, key)).flatMap((item) => (item.kind === 'number' ? [item.value] : []));
}
