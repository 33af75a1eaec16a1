/**
 * The rules of one text: `[fs]`, `[net]`, `[unix]`, `[process]` scopes and `[kernel]`, resolved.
 *
 * Owns what each key means as a rule; which layer the rules go to is `resolve.ts`.
 */

import type { Category, Rule } from '../model/rules.ts';
import type { FsRight, NetRight, Scope } from '../uapi/landlock.ts';
import type { Problems } from './problems.ts';
import { MAX_RULES, RuleReader } from './rule-reader.ts';
import { speaksOfAddresses } from './sockets-of.ts';
import type { PolicyText } from './texts.ts';
import { entry, tableAt } from './tree.ts';
import { ALL_FS_RIGHTS, HIDE_RIGHTS, VERBS, verbNames } from './verbs.ts';

/** The parts of the system that a text speaks about. */
export function categoriesOf({ tree }: PolicyText): Category[] {
  const kernel = tableAt(tree, 'kernel');
  const has = (key: string, raw: string) =>
    entry(tree, key) !== undefined || entry(kernel, raw) !== undefined;
  const found: Category[] = [];
  if (has('fs', 'fs')) found.push('fs');
  if (speaksOfAddresses(tableAt(tree, 'net')) || entry(kernel, 'net') !== undefined) found.push('net');
  if (entry(tree, 'unix') !== undefined) found.push('unix');
  if (has('process', 'scope')) found.push('process');
  return found;
}

/** All rules of a text, in the order of the text. Problems are noted. */
export function rulesOf(text: PolicyText, problems: Problems): Rule[] {
  const rules: Rule[] = [];
  const reader = new RuleReader(text, problems, rules);
  const { tree } = text;
  const fs = tableAt(tree, 'fs');
  for (const verb of verbNames) reader.paths(entry(fs, verb), 'allow', VERBS[verb].grants);
  for (const verdict of ['deny', 'hide', 'ask'] as const)
    reader.paths(entry(fs, verdict), verdict, verdict === 'hide' ? HIDE_RIGHTS : ALL_FS_RIGHTS);
  const net = tableAt(tree, 'net');
  reader.targets(entry(net, 'connect'), 'allow', ['connect']);
  reader.targets(entry(net, 'listen'), 'allow', ['listen']);
  for (const verdict of ['deny', 'ask'] as const)
    reader.targets(entry(net, verdict), verdict, ['connect', 'listen']);
  const unix = tableAt(tree, 'unix');
  reader.sockets(entry(unix, 'connect'), 'allow', ['connect']);
  reader.sockets(entry(unix, 'listen'), 'allow', ['listen']);
  for (const verdict of ['deny', 'ask'] as const)
    reader.sockets(entry(unix, verdict), verdict, ['connect', 'listen']);
  const process = tableAt(tree, 'process');
  reader.scope(entry(process, 'signal'), 'scope.signal');
  reader.scope(entry(process, 'abstract'), 'scope.abstract_unix_socket');
  const kernel = tableAt(tree, 'kernel');
  for (const { key, value } of tableAt(kernel, 'fs')?.entries ?? [])
    reader.paths(value, 'allow', [`fs.${key}` as FsRight]);
  for (const { key, value } of tableAt(kernel, 'net')?.entries ?? [])
    reader.rawTargets(value, `net.${key}` as NetRight);
  for (const { key, value } of tableAt(kernel, 'scope')?.entries ?? [])
    reader.scope(value, `scope.${key}` as Scope);
  if (rules.length > MAX_RULES)
    problems.add(tree, `A policy has at most ${MAX_RULES} rules, this one has ${rules.length}`, {
      fix: 'Use globs or directories',
    });
  return rules;
}
