/**
 * A Landlock configuration as a landward policy, and back.
 *
 * Into a policy nothing is lost: what the configuration does not handle is allowed explicitly. Out of a policy much is:
 * the format has no denials, globs, hosts, environment or limits, and each loss is named.
 */

import type { Enforce, Origin, PathPattern, Rule } from '../../model/rules.ts';
import { FS_RIGHTS, NET_RIGHTS, type NetRight, SCOPES, type Scope } from '../../uapi/landlock.ts';
import { fsMask, fsRights, netMask, netRights, scopeMask } from '../../uapi/masks.ts';
import { ANY_PORT } from '../net-text.ts';
import type { Policy } from '../policy.ts';
import { type LandlockConfig, sortedMap } from './config.ts';
import { expandPaths } from './read.ts';

const ALL_FS = fsMask(...(Object.keys(FS_RIGHTS) as (keyof typeof FS_RIGHTS)[]));
const ALL_NET = netMask(...(Object.keys(NET_RIGHTS) as NetRight[]));
const UNIX = fsMask('fs.resolve_unix');

/**
 * The policy that means what a configuration means.
 *
 * Paths that do not exist are passed over, as the format wants it. Relative paths start at `base`.
 *
 * @param name the name of the grant layer
 * @param base an absolute directory
 * @throws LandwardError POLICY_INVALID for a template that cannot be expanded
 */
export function policyOfConfig(config: LandlockConfig, name: string, base: string): Policy {
  const origin: Origin = { file: name, line: 0, column: 0 };
  const common = { verdict: 'allow', enforce: 'any', origin } as const satisfies {
    verdict: 'allow';
    enforce: Enforce;
    origin: Origin;
  };
  const allowPath = (path: string, mask: number): Rule[] => {
    const pattern: PathPattern = { kind: 'subtree', path: absolute(path, base) };
    const rules: Rule[] =
      mask === 0 ? [] : [{ kind: 'path', pattern, rights: fsRights(mask), missing: 'optional', ...common }];
    if ((mask & UNIX) !== 0)
      rules.push({ kind: 'unix', operation: 'connect', target: { kind: 'path', pattern }, ...common });
    return rules;
  };
  const allowPorts = (mask: number, first: number, last: number): Rule[] =>
    netRights(mask).map((right) => ({
      kind: 'net',
      right,
      host: { kind: 'any' },
      ports: { first, last },
      ...common,
    }));
  const rules: Rule[] = [
    ...allowPath('/', ALL_FS & ~config.handledFs),
    ...[...expandPaths(config)].flatMap(([path, mask]) => allowPath(path, mask)),
    {
      kind: 'unix',
      operation: 'bind',
      target: { kind: 'path', pattern: { kind: 'subtree', path: '/' } },
      ...common,
    },
    { kind: 'unix', operation: 'bind', target: { kind: 'abstract', glob: '*' }, ...common },
    ...allowPorts(ALL_NET & ~config.handledNet, ANY_PORT.first, ANY_PORT.last),
    ...[...config.ports]
      .filter(([port]) => port <= ANY_PORT.last)
      .flatMap(([port, mask]) => allowPorts(mask, port, port)),
    ...(Object.keys(SCOPES) as Scope[])
      .filter((scope) => (config.scoped & scopeMask(scope)) === 0)
      .map((scope): Rule => ({ kind: 'scope', scope, ...common })),
  ];
  return {
    layers: [{ kind: 'grant', name, categories: ['fs', 'net', 'unix', 'process'], rules }],
    process: {
      ioUring: 'allow',
      ptrace: 'allow',
      namespaces: 'allow',
      terminalInjection: 'allow',
      syscalls: [],
    },
    env: { pass: null, scrub: [], set: {} },
    limits: {},
    require: { degrade: [] },
    keepFds: [],
    log: { sameExec: true, newExec: true, subdomains: true },
    tests: [],
    sources: [name],
    notes: [...config.ports.keys()]
      .filter((port) => port > ANY_PORT.last)
      .map((port) => ({
        code: 'no-such-port',
        text: `There is no port ${port}: its rule is left out, and a kernel would refuse the configuration`,
        at: origin,
      })),
  };
}

/** A configuration with what it could not take over. */
export interface ConfigExport {
  readonly config: LandlockConfig;
  /** One sentence for each thing that the format has no words for; what is missing makes the configuration wider or stricter, as said. */
  readonly lost: readonly string[];
}

/**
 * The configuration that comes closest to a policy: its grant layer as Landlock rules.
 *
 * @param policy a resolved policy
 */
export function configOfPolicy(policy: Policy): ConfigExport {
  const lost = new Set<string>();
  const paths = new Map<string, number>();
  const ports = new Map<number, number>();
  const add = <K>(map: Map<K, number>, key: K, mask: number) => map.set(key, (map.get(key) ?? 0) | mask);
  const [grant, ...limits] = policy.layers;
  if (limits.length > 0) lost.add(`${limits.length} limit layers are not in the configuration: it is wider`);
  let scoped = scopeMask(...(Object.keys(SCOPES) as Scope[]));
  let handledNet = ALL_NET;
  for (const rule of grant?.rules ?? []) {
    const where = `the ${rule.verdict} of ${rule.origin.file}:${rule.origin.line}`;
    if (rule.kind === 'scope') {
      if (rule.verdict === 'allow') scoped &= ~scopeMask(rule.scope);
      continue;
    }
    if (rule.verdict !== 'allow') {
      lost.add(`${where} has no words in the format: the configuration is wider where a grant covers it`);
      continue;
    }
    if (rule.kind === 'path' || (rule.kind === 'unix' && rule.target.kind === 'path')) {
      const pattern = rule.kind === 'path' ? rule.pattern : (rule.target as { pattern: PathPattern }).pattern;
      const mask =
        rule.kind === 'path'
          ? fsMask(
              ...rule.rights
                .filter((right) => right in FS_RIGHTS)
                .map((right) => right as keyof typeof FS_RIGHTS),
            )
          : rule.operation === 'connect'
            ? UNIX
            : 0;
      if (pattern.kind === 'subtree') {
        if (mask !== 0) add(paths, pattern.path.replaceAll('$', '$$$$'), mask);
      } else
        lost.add(
          `${where} is ${pattern.kind === 'glob' ? 'a glob' : 'about one object alone'}: the configuration is stricter without it`,
        );
    } else if (rule.kind === 'net') {
      if (rule.host.kind !== 'any')
        lost.add(`${where} names a host: the configuration is stricter without it`);
      else if (rule.ports.first === 0 && rule.ports.last === 65535) handledNet &= ~netMask(rule.right);
      else if (rule.ports.last - rule.ports.first >= 1024)
        lost.add(`${where} is a range of more than 1024 ports: the configuration is stricter without it`);
      else
        for (let port = rule.ports.first; port <= rule.ports.last; port++)
          add(ports, port, netMask(rule.right));
    } else lost.add(`${where} names an abstract socket: the configuration is stricter without it`);
  }
  for (const [key, mask] of ports) {
    if ((mask & handledNet) === 0) ports.delete(key);
    else ports.set(key, mask & handledNet);
  }
  for (const lostSetting of lostSettings(policy)) lost.add(lostSetting);
  const config = {
    abi: undefined,
    handledFs: ALL_FS,
    handledNet,
    scoped,
    variables: new Map(),
    paths: sortedMap(paths),
    ports: sortedMap(ports),
  };
  return { config, lost: [...lost] };
}

function lostSettings(policy: Policy): string[] {
  const lost = ['System call filters of [process] are not in the configuration: it is wider'];
  if (policy.env.pass !== null || policy.env.scrub.length > 0 || Object.keys(policy.env.set).length > 0)
    lost.push('[env] is not in the configuration: it is wider');
  if (Object.keys(policy.limits).length > 0) lost.push('[limits] is not in the configuration: it is wider');
  return lost;
}

function absolute(path: string, base: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
