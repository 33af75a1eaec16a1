/**
 * A Landlock configuration as data: what is handled, what is scoped, rules by path template and by port.
 *
 * Groups are resolved by the `abi` of their own file; templates keep their variables until `expandPaths`.
 */

import { abiRow } from '../../uapi/landlock.ts';
import { fsMask } from '../../uapi/masks.ts';

/** A configuration. Masks are of the kernel's bits; maps are in the order of their keys. */
export interface LandlockConfig {
  /** The ABI that groups stand for, if the text names one. */
  readonly abi: number | undefined;
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  readonly variables: ReadonlyMap<string, readonly string[]>;
  /** Rights by path template. */
  readonly paths: ReadonlyMap<string, number>;
  /** Rights by port. */
  readonly ports: ReadonlyMap<number, number>;
}

/** A configuration without anything. */
export const EMPTY_CONFIG: LandlockConfig = {
  abi: undefined,
  handledFs: 0,
  handledNet: 0,
  scoped: 0,
  variables: new Map(),
  paths: new Map(),
  ports: new Map(),
};

/** The rights of a group of filesystem rights on an ABI. */
export function fsGroup(group: 'abi.all' | 'abi.read_execute' | 'abi.read_write', abi: number): number {
  const { fs } = abiRow(abi);
  if (group === 'abi.all') return fs;
  return group === 'abi.read_write'
    ? fs & ~fsMask('fs.execute')
    : fs & fsMask('fs.execute', 'fs.read_file', 'fs.read_dir', 'fs.refer');
}

/** A map with its keys in order, so that equal configurations are equal whatever their order. */
export function sortedMap<K extends string | number, V>(
  entries: Iterable<readonly [K, V]>,
): ReadonlyMap<K, V> {
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/**
 * Composes configurations: what any of them allows is allowed, what all of them handle is handled.
 *
 * Composing is not layering: a rule of one file opens what another denies. Commutative, associative, idempotent.
 * The ABI is the lowest that is named; variables of the same name have the values of both.
 *
 * @param configs at least one
 */
export function composeConfigs(configs: readonly [LandlockConfig, ...LandlockConfig[]]): LandlockConfig {
  return configs.slice(1).reduce(composeTwo, configs[0]);
}

function composeTwo(a: LandlockConfig, b: LandlockConfig): LandlockConfig {
  const handledFs = a.handledFs & b.handledFs;
  const handledNet = a.handledNet & b.handledNet;
  const abis = [a.abi, b.abi].filter((abi) => abi !== undefined);
  return {
    abi: abis.length === 0 ? undefined : Math.min(...abis),
    handledFs,
    handledNet,
    scoped: a.scoped & b.scoped,
    variables: sortedMap(
      [...new Set([...a.variables.keys(), ...b.variables.keys()])].map((name) => {
        const values = new Set([...(a.variables.get(name) ?? []), ...(b.variables.get(name) ?? [])]);
        return [name, [...values].sort()] as const;
      }),
    ),
    paths: unionCut(a.paths, b.paths, handledFs),
    ports: unionCut(a.ports, b.ports, handledNet),
  };
}

function unionCut<K extends string | number>(
  a: ReadonlyMap<K, number>,
  b: ReadonlyMap<K, number>,
  cut: number,
): ReadonlyMap<K, number> {
  const union = new Map(a);
  for (const [key, mask] of b) union.set(key, (union.get(key) ?? 0) | mask);
  return sortedMap(
    [...union].map(([key, mask]) => [key, mask & cut] as const).filter(([, mask]) => mask !== 0),
  );
}
