/**
 * How far one rule is held, in one row of the report.
 *
 * Owns the judgement of a single rule from what became of it.
 */

import type { Rule } from '../model/rules.ts';
import { NET_RIGHTS, SCOPES } from '../uapi/landlock.ts';
import { netMask, scopeMask } from '../uapi/masks.ts';
import { isFile } from './compile-effective.ts';
import { lostRights } from './compile-fs.ts';
import type { ReportInput } from './compile-report.ts';
import { nodeAt } from './compile-tree.ts';
import type { Gap, RuleReport } from './plan.ts';

/** Reports rule number `index` of a layer. */
export function reportRule(
  input: ReportInput,
  layer: number,
  index: number,
  gaps: readonly Gap[],
  supervised: boolean,
): RuleReport {
  const { rule } = input.layers[layer]!.rules[index]!;
  if (supervised && gaps.length === 0) return { rule, enforcer: 'supervisor', state: 'fully', lost: [] };
  const row = { rule, ...judge(input, layer, index) };
  const missed = gaps.filter((gap) => gap.feature !== 'because');
  if (missed.length === 0) return row;
  const held = input.fs.dropped.has(rule) || missed.some((gap) => !gap.accepted) ? 'not' : 'partially';
  const enforcer = held === 'not' ? 'none' : row.enforcer;
  const note = [row.note, ...missed.map((gap) => `${gap.feature}: ${gap.lost}`)]
    .filter((text) => text !== undefined)
    .join('; ');
  return { ...row, enforcer, state: held, note };
}

type Judgement = Omit<RuleReport, 'rule'>;

function judge(input: ReportInput, layer: number, index: number): Judgement {
  const { rule } = input.layers[layer]!.rules[index]!;
  switch (rule.kind) {
    case 'path':
      return pathRule(input, layer, index);
    case 'unix':
      return rule.verdict === 'allow'
        ? pathRule(input, layer, index)
        : held(input.scopes.refuseUnix ? 'filter' : 'kernel');
    case 'net': {
      const handled = (input.ruleset?.handledNet ?? 0) & netMask(rule.right);
      if (handled) return held('kernel');
      const known = NET_RIGHTS[rule.right].abi <= input.row.abi;
      if (rule.verdict === 'allow')
        return {
          ...held('filter'),
          note: `${rule.right} is ${known ? 'allowed on every port, so that Landlock need not ask' : 'not known to this kernel'}`,
        };
      return held('filter');
    }
    case 'scope': {
      const on = (input.ruleset?.scoped ?? 0) & scopeMask(rule.scope);
      if (rule.verdict === 'allow' || on) return held('kernel');
      const note = `${rule.scope} needs ABI ${SCOPES[rule.scope].abi}`;
      if (rule.scope === 'scope.abstract_unix_socket' && input.scopes.refuseUnix) return held('filter');
      return { enforcer: 'none', state: 'not', lost: [rule.scope], note };
    }
  }
}

function held(enforcer: 'kernel' | 'filter'): Judgement {
  return { enforcer, state: 'fully', lost: [] };
}

function pathRule(input: ReportInput, layer: number, index: number): Judgement {
  const { rule, pattern, skipped, alias, fact } = input.layers[layer]!.rules[index]!;
  const { fs } = input;
  const notes: string[] = [];
  if (skipped)
    return {
      ...held('kernel'),
      note:
        skipped === 'link'
          ? 'Nothing is granted: a symbolic link leads out of a tree in which others may make links'
          : 'There is nothing at this path, so that nothing is granted, also not later',
    };
  if (alias !== null && pattern !== null)
    notes.push(`A symbolic link leads to '${pattern.path}', which the rule is about`);
  const count = fs.globs.get(rule);
  if (typeof count === 'number')
    notes.push(
      `Names ${count} objects now; what appears later is ${rule.verdict === 'allow' ? 'not granted' : 'not covered'}`,
    );
  const lost = lostRights(fs, input.layers[layer]!, index);
  if (rule.verdict === 'allow') {
    const node = pattern === null ? null : nodeAt(fs.tree, pattern.path);
    if (node !== null && isFile(node))
      notes.push('The rule holds for this file: one that replaces it under the same name is not granted');
    if (lost.length > 0) notes.push('Rights are missing here because a rule below denies them');
  } else if (fs.bitten.has(rule) && rule.kind === 'path' && rule.expand === true) {
    notes.push('Held by granting what is beside it');
    if (fact?.type === 'file' && (fact.nlink ?? 1) > 1)
      notes.push(`The file has ${fact.nlink} names, and the others are not covered by this rule`);
  }
  const moving = typeof count === 'number' && isStrict(rule);
  return {
    enforcer: input.ruleset === null ? 'none' : 'kernel',
    state: input.ruleset === null ? 'not' : lost.length > 0 || moving ? 'partially' : 'fully',
    lost,
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  };
}

function isStrict(rule: Rule): boolean {
  return rule.verdict !== 'allow';
}
