/**
 * The canonical form of a policy: one text for all policies that mean the same, whatever order, file or wording they
 * came from. What a digest is taken of (hashing is the caller's).
 *
 * Leaves out what decides nothing: positions, reasons, sources, tests, notes.
 */

import type { RuleLayer, SocketControl } from '../model/rules.ts';
import type { Policy } from './policy.ts';

/** The version of the form; a digest of another version is another digest. */
const VERSION = 2;

/**
 * The canonical JSON of a policy: sorted keys, sorted rules without duplicates, sorted limit layers.
 *
 * @example
 * canonicalJson(a) === canonicalJson(b); // whether two policies say the same thing in the same rules
 */
export function canonicalJson(policy: Policy): string {
  const { layers, process, env, limits, require, keepFds, log, programs } = policy;
  const [grant, ...rest] = layers.map(canonicalLayer);
  return sortedJson({
    version: VERSION,
    layers: [grant, ...rest.sort(byJson)],
    process,
    env,
    limits,
    require,
    keepFds,
    log,
    programs: programs?.map(({ origin: _origin, ...rest }) => sortedJson(rest)).sort(),
  });
}

/**
 * The rules of a layer as sorted texts. Path rules that differ in their rights alone become one, however the rights
 * were grouped; a scope that is on somewhere is on.
 */
function canonicalRules(layer: RuleLayer): string[] {
  const on = new Set(
    layer.rules.flatMap((rule) => (rule.kind === 'scope' && rule.verdict !== 'allow' ? [rule.scope] : [])),
  );
  const rights = new Map<string, Set<string>>();
  for (const rule of layer.rules) {
    if (rule.kind === 'scope' && rule.verdict === 'allow' && on.has(rule.scope)) continue;
    const { origin: _origin, because: _because, ...rest } = rule;
    const text = sortedJson(rest.kind === 'path' ? { ...rest, rights: undefined } : rest);
    const known = rights.get(text) ?? new Set();
    rights.set(text, known);
    if (rest.kind === 'path') for (const right of rest.rights) known.add(right);
  }
  return [...rights]
    .map(([text, names]) => (names.size === 0 ? text : `${text} ${[...names].sort().join(' ')}`))
    .sort();
}

function canonicalLayer(layer: RuleLayer): object {
  return {
    kind: layer.kind,
    categories: [...layer.categories].sort(),
    rules: canonicalRules(layer),
    sockets: canonicalSockets(layer.sockets),
    mutable: layer.mutable,
    calls: layer.calls?.handled,
  };
}

/** What a layer says about sockets, without places; the kinds sorted. */
export function canonicalSockets(sockets: SocketControl | undefined): object | undefined {
  if (sockets === undefined) return undefined;
  const { origin: _origin, create, ...rest } = sockets;
  const kinds = create?.map(({ origin: _place, ...kind }) => sortedJson(kind));
  return { ...rest, create: kinds === undefined ? undefined : [...new Set(kinds)].sort() };
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
