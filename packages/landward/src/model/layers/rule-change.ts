/**
 * Edits of a layer of rules: what a list of them comes to. Pure, and whole or not at all.
 *
 * Owns the meaning of each edit. Who may make one, and when it counts, is `rule-stack.ts`; whether it gives more by meaning is
 * `rule-stricter.ts`.
 */

import { done, type Result, refused } from '../landlock/result.ts';
import { pathRights, spokenMask } from '../rules/rights.ts';
import type { Category, Rule, RuleLayer } from '../rules.ts';
import type { RuleEdit } from './rule-edits.ts';

type RuleOnlyEdit = Exclude<RuleEdit, { readonly name: string }>;

/** Rules that one layer may have. */
export const MOST_RULES = 10_000;

/**
 * Applies edits to a layer. What the layer handles (its categories, its system calls) is as it was when the layer was
 * added.
 *
 * @returns the layer, or EINVAL for what it does not handle, ENOMSG for a rule that says nothing, ENOENT for a rule to remove
 *   or replace that is not there, E2BIG for more than 10,000 rules
 */
export function editRules(layer: RuleLayer, edits: readonly RuleEdit[]): Result<RuleLayer> {
  let rules = layer.rules;
  const calls = new Set(layer.calls?.allowed ?? []);
  const kept = intersections(edits);
  for (const edit of edits) {
    if ('name' in edit) {
      if (layer.calls?.handled.includes(edit.name) !== true) return refused('EINVAL');
      if (edit.kind === 'allow-call') calls.add(edit.name);
      else calls.delete(edit.name);
      continue;
    }
    const changed = change(layer, rules, edit, kept);
    if (!changed.ok) return changed;
    rules = changed.value;
  }
  if (rules.length > MOST_RULES) return refused('E2BIG');
  const { calls: before } = layer;
  return done({
    ...layer,
    rules,
    ...(before === undefined
      ? {}
      : { calls: { ...before, allowed: before.handled.filter((name) => calls.has(name)) } }),
  });
}

function change(
  layer: RuleLayer,
  rules: readonly Rule[],
  edit: RuleOnlyEdit,
  kept: ReadonlyMap<string, number>,
): Result<readonly Rule[]> {
  const named = edit.kind === 'replace' ? [edit.rule, edit.by] : [edit.rule];
  if (named.some((rule) => !layer.categories.includes(categoryOf(rule)))) return refused('EINVAL');
  if (named.some((rule) => rule.kind === 'path' && spokenMask(rule) === 0)) return refused('ENOMSG');
  switch (edit.kind) {
    case 'add':
      return done([...rules, edit.rule]);
    case 'intersect': {
      const mask = kept.get(objectOf(edit.rule))!;
      return done(rules.flatMap((rule) => (isSame(rule, edit.rule) ? narrowed(rule, mask) : [rule])));
    }
    case 'remove':
    case 'replace': {
      if (!rules.some((rule) => isSame(rule, edit.rule) && (maskOf(rule) & maskOf(edit.rule)) !== 0))
        return refused('ENOENT');
      const mask = ~maskOf(edit.rule);
      const left = rules.flatMap((rule) => (isSame(rule, edit.rule) ? narrowed(rule, mask) : [rule]));
      return done(edit.kind === 'replace' ? [...left, edit.by] : left);
    }
  }
}

/** A text about one object can come to several rules: together they name what an intersection keeps. */
function intersections(edits: readonly RuleEdit[]): ReadonlyMap<string, number> {
  const masks = new Map<string, number>();
  for (const edit of edits) {
    if (edit.kind !== 'intersect') continue;
    const object = objectOf(edit.rule);
    masks.set(object, (masks.get(object) ?? 0) | maskOf(edit.rule));
  }
  return masks;
}

/** The part of the system that a rule speaks about. */
export function categoryOf(rule: Rule): Category {
  if (rule.kind === 'path') return 'fs';
  if (rule.kind === 'scope') return rule.scope === 'scope.signal' ? 'process' : 'unix';
  return rule.kind;
}

/** What a rule is about and whether it opens or closes it, as text. Its rights, if it is a rule about a path, are not part of it. */
export function objectOf(rule: Rule): string {
  switch (rule.kind) {
    case 'path': {
      const { pattern } = rule;
      return JSON.stringify([rule.verdict, 'path', pattern.kind, patternText(pattern)]);
    }
    case 'net':
      return JSON.stringify([
        rule.verdict,
        'net',
        rule.right,
        hostText(rule),
        rule.ports.first,
        rule.ports.last,
      ]);
    case 'unix': {
      const { target } = rule;
      const text =
        target.kind === 'abstract' ? ['@', target.glob] : [target.pattern.kind, patternText(target.pattern)];
      return JSON.stringify([rule.verdict, 'unix', rule.operation, ...text]);
    }
    case 'scope':
      return JSON.stringify([rule.verdict, 'scope', rule.scope]);
  }
}

/** The text of a pattern. */
function patternText(pattern: Extract<Rule, { kind: 'path' }>['pattern']): string {
  return pattern.kind === 'glob' ? pattern.glob : pattern.path;
}

function hostText({ host }: Extract<Rule, { kind: 'net' }>): readonly (string | number)[] {
  switch (host.kind) {
    case 'any':
      return ['any'];
    case 'cidr':
      return ['cidr', host.family, host.address, host.prefix];
    default:
      return [host.kind, host.name];
  }
}

function isSame(a: Rule, b: Rule): boolean {
  return a.kind === b.kind && objectOf(a) === objectOf(b);
}

/** The rights of a rule as a mask; other rules speak of one thing. */
function maskOf(rule: Rule): number {
  return rule.kind === 'path' ? spokenMask(rule) : 1;
}

/** The rule with only the rights of a mask; nothing where none is left. */
function narrowed(rule: Rule, mask: number): readonly Rule[] {
  const left = maskOf(rule) & mask;
  if (left === maskOf(rule)) return [rule];
  if (left === 0) return [];
  return rule.kind === 'path' ? [{ ...rule, rights: pathRights(left) }] : [rule];
}
