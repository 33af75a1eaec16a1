/**
 * Edits of a layer as a person writes them, as edits of its rules: each text is read as a policy is, with the same words and the
 * same messages.
 *
 * Owns which parts of a policy can be an edit. Whether the layer takes it is the model's answer.
 */

import { LandwardError } from '../errors.ts';
import type { RuleEdit } from '../model/layers/rule-edits.ts';
import type { Rule } from '../model/rules.ts';
import { locate, relocatedLayer } from '../policy/compile-facts.ts';
import type { Host } from '../policy/plan.ts';
import type { PolicyItem } from './compile.ts';
import { planHost } from './host.ts';
import { loadPolicy } from './load.ts';
import { isInput } from './load-input.ts';
import type { Environment } from './variables.ts';

/** What is to change in a layer. All of it counts together or not at all. */
export interface LayerEdits {
  /** Rules that the layer gets besides. */
  readonly add?: PolicyItem;
  /** Rights that go, wherever rules about the same objects name them. There must be some. */
  readonly remove?: PolicyItem;
  /** Of rules about the same objects, only these rights stay. */
  readonly intersect?: PolicyItem;
  /** Rules in place of others. */
  readonly replace?: { readonly rule: PolicyItem; readonly by: PolicyItem };
  /** System calls of the layer that are allowed from now on. */
  readonly allowCalls?: readonly string[];
  /** System calls of the layer that are refused from now on. */
  readonly refuseCalls?: readonly string[];
  /** The directory that relative names start from; this process's when absent. */
  readonly cwd?: string;
}

/** What reading edits needs of the world. */
export interface EditContext {
  readonly env?: Environment;
  readonly host?: Host;
}

/**
 * Reads edits.
 *
 * @throws LandwardError or PolicyErrors for a text that is wrong or is about more than rules
 * @example
 * await readEdits({ add: { fs: { read: ['/srv'] } } });
 */
export async function readEdits(edits: LayerEdits, context: EditContext = {}): Promise<readonly RuleEdit[]> {
  const { add, remove, intersect, replace, allowCalls = [], refuseCalls = [], cwd } = edits;
  const read = (item: PolicyItem | undefined) =>
    item === undefined ? Promise.resolve([]) : readRules(item, cwd, context);
  const [added, removed, kept] = await Promise.all([read(add), read(remove), read(intersect)]);
  return [
    ...removed.map((rule): RuleEdit => ({ kind: 'remove', rule: optional(rule) })),
    ...kept.map((rule): RuleEdit => ({ kind: 'intersect', rule: optional(rule) })),
    ...added.map((rule): RuleEdit => ({ kind: 'add', rule })),
    ...(replace === undefined ? [] : replacing(await read(replace.rule), await read(replace.by))),
    ...allowCalls.map((name): RuleEdit => ({ kind: 'allow-call', name })),
    ...refuseCalls.map((name): RuleEdit => ({ kind: 'refuse-call', name })),
  ];
}

/** The first of the one for the first of the other, and what is left over goes or comes by itself. */
function replacing(rules: readonly Rule[], by: readonly Rule[]): RuleEdit[] {
  const pairs = rules
    .slice(0, by.length)
    .map((rule, at): RuleEdit => ({ kind: 'replace', rule, by: by[at]! }));
  return [
    ...pairs,
    ...rules.slice(by.length).map((rule): RuleEdit => ({ kind: 'remove', rule })),
    ...by.slice(rules.length).map((rule): RuleEdit => ({ kind: 'add', rule })),
  ];
}

function optional(rule: Rule): Rule {
  return rule.kind === 'path' ? { ...rule, missing: 'optional' } : rule;
}

/** Rules of a text with their paths as they are on this host. What is to go may name what is not there any more. */
async function readRules(
  item: PolicyItem,
  cwd: string | undefined,
  { env, host = planHost() }: EditContext,
): Promise<readonly Rule[]> {
  const given =
    typeof item === 'string'
      ? item
      : isInput(item)
        ? { ...item, layer: 'limit' as const }
        : { ...item, layer: 'limit' as const };
  const { policy } = await loadPolicy({
    policies: [given],
    find: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  });
  const [grant, limit, ...more] = policy.layers;
  const layer = limit ?? grant!;
  if (more.length > 0 || (limit !== undefined && grant!.rules.length > 0))
    throw new LandwardError('USAGE', 'An edit of a layer is one text, and what it extends', {
      fix: 'Give one text after the other',
    });
  if (layer.mutable !== undefined || layer.sockets !== undefined)
    throw new LandwardError(
      'USAGE',
      "An edit of a layer has rules only: 'mutable' and the kinds of sockets are said when the layer is added",
    );
  const [located] = locate([layer], host, policy.foreign);
  return relocatedLayer(located!).rules;
}
