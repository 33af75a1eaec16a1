/** Network rules for tests of the supervisor: short forms of what policies say. */

import type { HostPattern, NetRule, RuleLayer, UnixRule } from '../../packages/landward/src/model/rules.ts';
import type { NetRight } from '../../packages/landward/src/uapi/landlock.ts';

const origin = { file: 'test', line: 1, column: 1 } as const;
const base = { enforce: 'any', origin } as const;

/** A rule about one host and port. `port` 0 is every port. */
export function netRule(
  verdict: 'allow' | 'deny',
  right: NetRight,
  host: HostPattern,
  port: number,
): NetRule {
  const ports = port === 0 ? { first: 0, last: 65_535 } : { first: port, last: port };
  return { ...base, kind: 'net', verdict, right, host, ports };
}

export const byName = (name: string): HostPattern => ({ kind: 'name', name });
export const byAddress = (address: string, prefix = address.includes(':') ? 128 : 32): HostPattern => ({
  kind: 'cidr',
  family: address.includes(':') ? 6 : 4,
  address,
  prefix,
});
export const byClass = (name: Extract<HostPattern, { kind: 'class' }>['name']): HostPattern => ({
  kind: 'class',
  name,
});
export const anyHost: HostPattern = { kind: 'any' };

/** A rule about a UNIX socket: `@NAME` is abstract. */
export function unixRule(verdict: 'allow' | 'deny', operation: 'connect' | 'bind', target: string): UnixRule {
  return {
    ...base,
    kind: 'unix',
    verdict,
    operation,
    target: target.startsWith('@')
      ? { kind: 'abstract', glob: target.slice(1) }
      : { kind: 'path', pattern: { kind: 'exact', path: target } },
  };
}

/** One layer that denies what its rules do not allow, in the categories that they are about. */
export function grants(...rules: readonly (NetRule | UnixRule)[]): readonly RuleLayer[] {
  return [layerOf([...new Set(rules.map(({ kind }) => kind))], rules)];
}

/** A layer of rules. */
export function layerOf(categories: RuleLayer['categories'], rules: RuleLayer['rules']): RuleLayer {
  return { kind: 'grant', name: 'test', categories, rules };
}
