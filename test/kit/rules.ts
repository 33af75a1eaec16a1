/** Builders of rules, layers and requests for tests of decisions. */

import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import type {
  Category,
  HostPattern,
  NetRule,
  PathRule,
  Request,
  Rule,
  RuleLayer,
  Verdict,
} from '../../packages/landward/src/model/rules.ts';

export const STRICT = { deny: 0, hide: 1, ask: 2, allow: 3 };
export const ALL: readonly Category[] = ['fs', 'net', 'unix', 'process'];
let line = 0;
export const base = () =>
  ({ enforce: 'any', origin: { file: 'test', line: ++line, column: 1 } }) as const satisfies Partial<Rule>;

export function path(
  verdict: Verdict,
  pattern: string,
  rights: PathRule['rights'] = ['fs.read_file'],
  exact = false,
): PathRule {
  const kind = /[*?[{]/.test(pattern) ? 'glob' : exact ? 'exact' : 'subtree';
  return {
    ...base(),
    kind: 'path',
    verdict,
    rights,
    missing: 'required',
    pattern: kind === 'glob' ? { kind, path: '/', glob: pattern } : { kind, path: pattern },
  };
}
export function net(verdict: Verdict, host: HostPattern, ports: [number, number] = [0, 65_535]): NetRule {
  const [first, last] = ports;
  return { ...base(), kind: 'net', verdict, right: 'net.connect_tcp', host, ports: { first, last } };
}
export const cidr = (address: string, prefix: number): HostPattern => ({
  kind: 'cidr',
  family: address.includes(':') ? 6 : 4,
  address,
  prefix,
});
export function layer(
  rules: readonly Rule[],
  kind: RuleLayer['kind'] = 'grant',
  categories: readonly Category[] = ALL,
): RuleLayer {
  return { kind, name: kind, categories, rules };
}
export const read = (target: string): Request => ({ kind: 'path', path: target, rights: ['fs.read_file'] });
export const verdictOf = (rules: readonly Rule[], request: Request) =>
  decideRules([layer(rules)], request).verdict;

export const WRITE: PathRule['rights'] = [
  'fs.read_file',
  'fs.write_file',
  'fs.make_reg',
  'fs.make_dir',
  'fs.remove_file',
  'fs.remove_dir',
  'fs.refer',
];
