/**
 * Requests that tell two policies apart: one for every place where the answer of either can change.
 *
 * For literal rules the places are complete: each path that a rule names, and a name below it that no rule has. For
 * globs, networks and host names they are examples, and `complete` says so.
 */

import type { HostPattern, MetaRight, PathPattern, Request, Rule, UnixRule } from '../model/rules.ts';
import { FS_RIGHTS, type FsRight, type NetRight, SCOPES, type Scope } from '../uapi/landlock.ts';
import { META_RIGHTS } from './verbs.ts';

/** What one probe asks, and how it is shown. */
export interface Probe {
  readonly object: string;
  readonly right: string;
  readonly request: Request;
}

export interface Probes {
  readonly list: readonly Probe[];
  readonly complete: boolean;
}

/** Stands for any other name below a directory. */
export const OTHER_NAME = '…';
const PATH_RIGHTS = [...Object.keys(FS_RIGHTS), ...Object.keys(META_RIGHTS)] as (FsRight | MetaRight)[];
const CLASS_EXAMPLES = {
  loopback: '127.0.0.1',
  private: '10.0.0.1',
  'link-local': '169.254.169.254',
  multicast: '224.0.0.1',
} as const satisfies Record<Extract<HostPattern, { kind: 'class' }>['name'], string>;

/** The probes for the rules of both policies. */
export function probesOf(rules: readonly Rule[]): Probes {
  const complete = !rules.some((rule) =>
    rule.kind === 'net'
      ? rule.host.kind !== 'any'
      : patternOf(rule)?.kind === 'glob' || (rule.kind === 'unix' && rule.target.kind === 'abstract'),
  );
  return {
    list: [...pathProbes(rules), ...netProbes(rules), ...unixProbes(rules), ...scopeProbes()],
    complete,
  };
}

function patternOf(rule: Rule): PathPattern | undefined {
  if (rule.kind === 'path') return rule.pattern;
  return rule.kind === 'unix' && rule.target.kind === 'path' ? rule.target.pattern : undefined;
}

function* pathProbes(rules: readonly Rule[]): Generator<Probe> {
  const paths = new Set(['/']);
  for (const rule of rules)
    if (rule.kind === 'path') for (const path of examples(rule.pattern)) paths.add(path);
  for (const path of withOthers(paths)) {
    for (const right of PATH_RIGHTS)
      yield { object: path, right, request: { kind: 'path', path, rights: [right] } };
  }
}

function* unixProbes(rules: readonly Rule[]): Generator<Probe> {
  const paths = new Set(['/']);
  const names = new Set([OTHER_NAME]);
  for (const rule of rules) {
    if (rule.kind !== 'unix') continue;
    if (rule.target.kind === 'abstract') names.add(example(rule.target.glob));
    else for (const path of examples(rule.target.pattern)) paths.add(path);
  }
  for (const operation of ['connect', 'bind'] as const satisfies readonly UnixRule['operation'][]) {
    for (const path of withOthers(paths))
      yield { object: path, right: `unix.${operation}`, request: { kind: 'unix', operation, path } };
    for (const name of names)
      yield {
        object: `@${name}`,
        right: `unix.${operation}`,
        request: { kind: 'unix', operation, abstract: name },
      };
  }
}

function* netProbes(rules: readonly Rule[]): Generator<Probe> {
  const rights: readonly NetRight[] = [
    'net.connect_tcp',
    'net.bind_tcp',
    'net.connect_send_udp',
    'net.bind_udp',
  ];
  for (const right of rights) {
    const own = rules.filter((rule) => rule.kind === 'net').filter((rule) => rule.right === right);
    const hosts = new Map<string, { readonly address?: string; readonly name?: string }>([['*', {}]]);
    const ports = new Set([0]);
    for (const { host, ports: range } of own) {
      if (host.kind === 'name') hosts.set(host.name, { name: host.name.replace(/^\*/, 'other') });
      else if (host.kind === 'class') hosts.set(host.name, { address: CLASS_EXAMPLES[host.name] });
      else if (host.kind === 'cidr') hosts.set(`${host.address}/${host.prefix}`, { address: host.address });
      for (const port of [range.first, range.last + 1]) if (port <= 65535) ports.add(port);
    }
    for (const [shown, host] of hosts) {
      for (const port of ports) {
        const next = Math.min(...[...ports].filter((other) => other > port), 65536) - 1;
        const object = `${shown}:${next === port ? port : `${port}-${next}`}`;
        yield { object, right, request: { kind: 'net', right, port, ...host } };
      }
    }
  }
}

function* scopeProbes(): Generator<Probe> {
  for (const scope of Object.keys(SCOPES) as Scope[])
    yield { object: 'outside', right: scope, request: { kind: 'scope', scope } };
}

/** Each path, and a name below it that no rule has. */
function withOthers(paths: ReadonlySet<string>): string[] {
  return [...paths].sort().flatMap((path) => [path, `${path === '/' ? '' : path}/${OTHER_NAME}`]);
}

function examples(pattern: PathPattern): string[] {
  return pattern.kind === 'glob'
    ? [pattern.path, example(pattern.glob.replace(/\/\*\*$/, ''))]
    : [pattern.path];
}

/** A text that a glob matches. */
function example(glob: string): string {
  return glob
    .replace(/\{([^{},]*)[^{}]*\}/g, '$1')
    .replace(/\[[!^][^\]]*\]/g, OTHER_NAME)
    .replace(/\[(\\?.)[^\]]*\]/g, '$1')
    .replace(/(?<!\\)\*\*/g, OTHER_NAME)
    .replace(/(?<!\\)[*?]/g, OTHER_NAME)
    .replace(/\\(.)/g, '$1');
}
