/**
 * The canonical form of a policy: one text for all policies that mean the same, whatever order, file or wording they
 * came from. What a digest is taken of (hashing is the caller's).
 *
 * Leaves out what decides nothing: positions, reasons, sources, tests, notes.
 */

import type { Rule, RuleLayer } from '../model/rules.ts';
import type { Policy } from './policy.ts';

/** The version of the form; a digest of another version is another digest. */
const VERSION = 1;

/**
 * The canonical JSON of a policy: sorted keys, sorted rules without duplicates, sorted limit layers.
 *
 * @example
 * canonicalJson(a) === canonicalJson(b); // whether two policies say the same thing in the same rules
 */
export function canonicalJson(policy: Policy): string {
  const { layers, process, env, limits, subject, require, keepFds, log } = policy;
  const [grant, ...rest] = layers.map(canonicalLayer);
  return sortedJson({
    version: VERSION,
    layers: [grant, ...rest.sort(byJson)],
    process,
    env,
    limits,
    subject,
    require,
    keepFds,
    log,
  });
}

/** A rule without what decides nothing; a path rule becomes one for each of its rights, however they were grouped. */
export function canonicalRules(rule: Rule): readonly object[] {
  const { origin: _origin, because: _because, ...rest } = rule;
  if (rest.kind !== 'path') return [rest];
  const { rights, ...shared } = rest;
  return rights.map((right) => ({ ...shared, right }));
}

function canonicalLayer(layer: RuleLayer): object {
  const on = new Set(
    layer.rules.flatMap((rule) => (rule.kind === 'scope' && rule.verdict !== 'allow' ? [rule.scope] : [])),
  );
  const deciding = layer.rules.filter(
    (rule) => rule.kind !== 'scope' || rule.verdict !== 'allow' || !on.has(rule.scope),
  );
  const rules = [...new Set(deciding.flatMap(canonicalRules).map(sortedJson))].sort();
  return {
    kind: layer.kind,
    categories: [...layer.categories].sort(),
    rules: rules.map((rule) => JSON.parse(rule)),
  };
}

function byJson(a: object, b: object): number {
  const left = sortedJson(a);
  const right = sortedJson(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** JSON with the keys of every object in order. Properties that are undefined do not exist. */
export function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${sortedJson(inner)}`).join(',')}}`;
}
