/**
 * Whether one version of a layer of rules gives no more than another, judged by meaning: whatever it allows, the other
 * allows.
 *
 * Exact for literal paths; about globs, hosts and names it is careful: a gain that cannot be excluded counts as one. Moves
 * and links are not judged here, since taking away rights can make a move harmless: that is why older versions go on
 * binding (`rule-stack.ts`).
 */

import { contains, parseAddress, parsePrefix } from '../addresses.ts';
import { indexLayer } from '../rules/layer.ts';
import { isClosed } from '../rules/precedence.ts';
import { ENTRY_RIGHTS, META_RIGHTS, PATH_RIGHTS, pathMask, spokenMask } from '../rules/rights.ts';
import type { NetRule, PathRule, Rule, RuleLayer, UnixRule } from '../rules.ts';
import { objectOf } from './rule-change.ts';
import { isStricterByPath, type Weight } from './rule-stricter-paths.ts';

/** Whether every request but moves and links that `next` allows is one that `before` allows. */
export function isStricterRules(next: RuleLayer, before: RuleLayer): boolean {
  return (
    isSameFrame(next, before) &&
    (next.calls?.allowed ?? []).every((name) => before.calls?.allowed.includes(name)) &&
    isStricterFiles(next, before) &&
    isStricterNet(of(next, 'net'), of(before, 'net')) &&
    isStricterUnix(next, before) &&
    takesOnly(of(next, 'scope'), of(before, 'scope'))
  );
}

/** What a layer handles never changes. */
function isSameFrame(next: RuleLayer, before: RuleLayer): boolean {
  const frame = ({ kind, categories, sockets, calls }: RuleLayer) =>
    JSON.stringify([kind, [...categories].sort(), sockets ?? null, [...(calls?.handled ?? [])].sort()]);
  return frame(next) === frame(before);
}

function of<K extends Rule['kind']>(layer: RuleLayer, kind: K): Extract<Rule, { kind: K }>[] {
  return layer.rules.filter((rule): rule is Extract<Rule, { kind: K }> => rule.kind === kind);
}

const STAT = pathMask(['meta.stat']);

function isStricterFiles(next: RuleLayer, before: RuleLayer): boolean {
  const [a, b] = [indexLayer(next).paths, indexLayer(before).paths];
  return PATH_RIGHTS.every((right) => {
    const bit = pathMask([right]);
    const restricted = next.categories.includes('fs') && (bit & META_RIGHTS) === 0;
    return isStricterByPath(a, b, {
      speaks: ({ spoken, entry }) => (spoken & bit) !== 0 && (entry || (bit & ENTRY_RIGHTS) === 0),
      key: (rule) => ((spokenMask(rule) & bit) === 0 ? null : objectOf(rule)),
      weight: (rule) => weightOf(rule, bit),
      absent: restricted ? 0 : 3,
    });
  });
}

/** A denial that does not name the right to see an object leaves it to be seen. */
function weightOf(rule: PathRule, bit: number): Weight {
  if (rule.verdict === 'deny' && bit === STAT && !rule.rights.includes('meta.stat')) return 1;
  return weightOfVerdict(rule);
}

function weightOfVerdict({ verdict }: Rule): Weight {
  return isClosed(verdict) ? 0 : verdict === 'ask' ? 2 : 3;
}

function isStricterUnix(next: RuleLayer, before: RuleLayer): boolean {
  const [a, b] = [of(next, 'unix'), of(before, 'unix')];
  const abstract = (rules: readonly UnixRule[]) => rules.filter(({ target }) => target.kind === 'abstract');
  if (!takesOnly(abstract(a), abstract(b))) return false;
  const [paths, older] = [indexLayer(next).unix.paths, indexLayer(before).unix.paths];
  return (['connect', 'bind'] as const).every((operation) =>
    isStricterByPath<UnixRule>(paths, older, {
      speaks: ({ rule }) => rule.operation === operation,
      key: (rule) => (rule.operation === operation ? objectOf(rule) : null),
      weight: weightOfVerdict,
      // A program reaches its own sockets where nothing but the silence of the policy refuses them.
      absent: next.categories.includes('unix') ? 1 : 3,
    }),
  );
}

/** Whether rules were only taken away that open, and only added that close. */
function takesOnly(next: readonly Rule[], before: readonly Rule[]): boolean {
  const [opened, closed, asked] = sorted(next);
  const [openedBefore, closedBefore, askedBefore] = sorted(before);
  return (
    isSubset(opened, openedBefore) &&
    isSubset(closedBefore, closed) &&
    isSubset(asked, askedBefore) &&
    isSubset(askedBefore, asked)
  );
}

type Objects = ReadonlySet<string>;

function sorted(rules: readonly Rule[]): readonly [Objects, Objects, Objects] {
  const by = (wanted: (rule: Rule) => boolean) => new Set(rules.filter(wanted).map(objectOf));
  return [
    by(({ verdict }) => verdict === 'allow'),
    by(({ verdict }) => isClosed(verdict)),
    by(({ verdict }) => verdict === 'ask'),
  ];
}

function isSubset(a: Objects, b: Objects): boolean {
  for (const one of a) if (!b.has(one)) return false;
  return true;
}

function isStricterNet(next: readonly NetRule[], before: readonly NetRule[]): boolean {
  const all = [...next, ...before];
  // Nothing but grants: they only ever add up.
  if (all.every(({ verdict }) => verdict === 'allow'))
    return next.every((rule) => before.some((older) => coversNet(older, rule)));
  // A name that is asked about gives way to rules about addresses, which then may open more than asking does.
  const names = all.some(({ verdict, host }) => verdict === 'ask' && host.kind === 'name');
  if (names && !(isSame(next, before) && isSame(before, next))) return false;
  return takesOnly(next, before);
}

function isSame(a: readonly NetRule[], b: readonly NetRule[]): boolean {
  return isSubset(new Set(a.map(objectOf)), new Set(b.map(objectOf)));
}

function coversNet(wide: NetRule, narrow: NetRule): boolean {
  if (wide.right !== narrow.right) return false;
  if (wide.ports.first > narrow.ports.first || wide.ports.last < narrow.ports.last) return false;
  if (wide.host.kind === 'any') return true;
  if (wide.host.kind === 'cidr' && narrow.host.kind === 'cidr') {
    const prefix = parsePrefix(wide.host.address, wide.host.prefix);
    const first = parseAddress(narrow.host.address);
    if (prefix === null || first === null || wide.host.family !== narrow.host.family) return false;
    return wide.host.prefix <= narrow.host.prefix && contains(prefix, first);
  }
  return JSON.stringify(wide.host) === JSON.stringify(narrow.host);
}
