/** Writes a Landlock configuration in the official format. Rights are written by name, groups are resolved. */

import { fsRights, netRights, scopes } from '../../uapi/masks.ts';
import type { Format } from '../read.ts';
import { type TomlValue, tomlLine } from '../toml-write.ts';
import type { LandlockConfig } from './config.ts';
import { KEYS, shortName } from './schema.ts';

type Table = { readonly [key: string]: TomlValue };

/**
 * Writes a configuration; reading it again gives the same one.
 *
 * @example
 * writeLandlockConfig(config, 'toml');
 */
export function writeLandlockConfig(config: LandlockConfig, format: Format): string {
  const key = KEYS[format];
  const lists: readonly (readonly [string, readonly Table[]])[] = [
    [
      key.variable,
      [...config.variables].map(([name, literal]) => ({
        name,
        ...(literal.length === 0 ? {} : { literal }),
      })),
    ],
    [key.ruleset, rulesets(config, key)],
    [
      key.pathBeneath,
      grouped(config.paths).map(([mask, parent]) => ({
        [key.allowed]: fsRights(mask).map(shortName),
        parent,
      })),
    ],
    [
      key.netPort,
      grouped(config.ports).map(([mask, port]) => ({ [key.allowed]: netRights(mask).map(shortName), port })),
    ],
  ];
  const abi = config.abi === undefined ? {} : { abi: config.abi };
  const present = lists.filter(([, list]) => list.length > 0);
  if (format === 'json') return `${JSON.stringify({ ...abi, ...Object.fromEntries(present) }, null, 2)}\n`;
  const lines = config.abi === undefined ? [] : [tomlLine('abi', config.abi), ''];
  for (const [name, list] of present) {
    for (const table of list)
      lines.push(`[[${name}]]`, ...Object.entries(table).map(([inner, value]) => tomlLine(inner, value)), '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function rulesets(config: LandlockConfig, key: (typeof KEYS)[Format]): Table[] {
  const table = {
    ...(config.handledFs === 0 ? {} : { [key.fs]: fsRights(config.handledFs).map(shortName) }),
    ...(config.handledNet === 0 ? {} : { [key.net]: netRights(config.handledNet).map(shortName) }),
    ...(config.scoped === 0 ? {} : { [key.scoped]: scopes(config.scoped).map(shortName) }),
  };
  return Object.keys(table).length === 0 ? [] : [table];
}

/** Objects with the same rights together, in the order of their first. */
function grouped<K>(rules: ReadonlyMap<K, number>): [number, K[]][] {
  const groups = new Map<number, K[]>();
  for (const [object, mask] of rules) {
    const group = groups.get(mask);
    if (group === undefined) groups.set(mask, [object]);
    else group.push(object);
  }
  return [...groups];
}
