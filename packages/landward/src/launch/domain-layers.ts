/**
 * A domain that programs made themselves as layers of a policy: what another run must also obey to be restricted as that domain
 * restricts.
 *
 * Owns the translation. A grant that a policy cannot say is left out and told, so that the layers are never weaker; a
 * restriction that it cannot say is refused.
 */

import { LandwardError } from '../errors.ts';
import { type FileFact, openPaths } from '../kernel/files.ts';
import type { Category, Rule, RuleLayer } from '../model/rules.ts';
import { handleOf, type Where } from '../supervisor/landlock/inodes.ts';
import type { SeenDomain, SeenLayer, SeenPath } from '../supervisor/landlock/seen-domain.ts';
import { NET_RIGHTS, type NetRight } from '../uapi/landlock.ts';
import { fsMask, fsRights, netMask, netRights, scopes } from '../uapi/masks.ts';

/** Layers, and what was left out of them: they give less than the domain there. */
export interface ImportedLayers {
  readonly layers: readonly RuleLayer[];
  readonly stricter: readonly string[];
}

const ALL_PORTS = { first: 0, last: 65_535 } as const;
const REFER = fsMask('fs.refer');
const EVERY_NET = Object.keys(NET_RIGHTS) as readonly NetRight[];

/**
 * The layers of a domain.
 *
 * @throws LandwardError UNSUPPORTED where a layer says what no policy can
 */
export function layersOfDomain(domain: SeenDomain): ImportedLayers {
  const stricter: string[] = [];
  // Landlock asks every layer about moves as soon as one of them handles files.
  const files = domain.layers.some(({ handledFs }) => handledFs !== 0);
  const layers = domain.layers.map((layer, index) =>
    layerOf(layer, `domain ${layer.id ?? index}`, files, stricter),
  );
  return { layers, stricter };
}

function layerOf(seen: SeenLayer, name: string, files: boolean, stricter: string[]): RuleLayer {
  if (!seen.plainSockets)
    throw new LandwardError(
      'UNSUPPORTED',
      `The ${name} says of sockets what a policy cannot say of another run's`,
      {
        part: name,
      },
    );
  const base = { enforce: 'any', origin: { file: name, line: 1, column: 1 } } as const;
  const rules: Rule[] = [];
  const categories: Category[] = [];
  if (files) {
    categories.push('fs');
    const handled = seen.handledFs | REFER;
    const path = (at: string, kind: 'subtree' | 'exact', access: number): Rule => ({
      ...base,
      kind: 'path',
      verdict: 'allow',
      pattern: { kind, path: at },
      rights: fsRights(access),
      missing: 'optional',
    });
    const free = fsMask(...fsRights(-1)) & ~handled;
    if (free !== 0) rules.push(path('/', 'subtree', free));
    for (const [at, access] of placesOf(seen, name, stricter)) rules.push(path(at, 'subtree', access));
  }
  if (seen.handledNet !== 0) {
    categories.push('net');
    const net = (right: NetRight, ports: { readonly first: number; readonly last: number }): Rule => ({
      ...base,
      kind: 'net',
      verdict: 'allow',
      right,
      host: { kind: 'any' },
      ports,
    });
    for (const right of EVERY_NET)
      if ((seen.handledNet & netMask(right)) === 0) rules.push(net(right, ALL_PORTS));
    for (const { port, access } of seen.ports)
      for (const right of netRights(access)) rules.push(net(right, { first: port, last: port }));
  }
  for (const scope of scopes(seen.scoped)) rules.push({ ...base, kind: 'scope', verdict: 'deny', scope });
  return { kind: 'limit', name, categories, rules };
}

/** The places of a layer's rules that are still the objects that the rules were made for. */
function placesOf(seen: SeenLayer, name: string, stricter: string[]): [path: string, access: number][] {
  const known = seen.paths.filter(
    (rule): rule is SeenPath & { path: string } => rule.path?.startsWith('/') === true,
  );
  const lost = seen.paths.length - known.length;
  if (lost > 0) stricter.push(`${name}: ${lost} rules about objects of which no path is known`);
  const opened = openPaths(known.map(({ path }) => path));
  return known.flatMap((rule, index): [string, number][] => {
    const found = opened[index]!;
    using fd = found.fd;
    if (fd !== undefined && isSame(rule, found.fact!, fd.number)) return [[rule.path, rule.access]];
    stricter.push(`${name}: ${JSON.stringify(rule.path)} is another object now, or none`);
    return [];
  });
}

/** The paths at which not the objects are that they once named. */
export function changedPaths(rules: readonly Where[]): readonly string[] {
  const known = rules.filter((rule): rule is Where & { path: string } => rule.path !== null);
  const opened = openPaths(
    known.map(({ path }) => path),
    { symlinks: false },
  );
  return known.flatMap((rule, index) => {
    const found = opened[index]!;
    using fd = found.fd;
    return fd !== undefined && isSame(rule, found.fact!, fd.number) ? [] : [rule.path];
  });
}

/** Whether an object is the one that a rule was made for, and no later one with its numbers. */
function isSame(rule: Where, { dev, ino }: FileFact, fd: number): boolean {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffff_ff00n);
  return (
    `${major}:${minor}` === rule.dev &&
    String(ino) === rule.ino &&
    handleOf(fd, new Uint8Array(1)) === rule.handle
  );
}
