/** What a layer says about sockets as the lines of its `[net]`. Defaults are left out. */

import type { RuleLayer } from '../model/rules.ts';
import { writeSocketKind } from './socket-text.ts';
import { EXEMPT } from './sockets-of.ts';
import { type TomlValue, tomlLine } from './toml-write.ts';

/**
 * The lines of a layer.
 *
 * @param empty whether the layer speaks about addresses without any rule: lines that say nothing about addresses must not
 *   make it silent about them
 */
export function printSockets({ sockets }: RuleLayer, empty: boolean): string[] {
  if (sockets === undefined) return [];
  const { subject, aim, lock, revalidate, create } = sockets;
  const keys: Record<string, TomlValue | undefined> = {
    connect: empty && subject === 'caller' ? [] : undefined,
    subject: subject === 'caller' ? undefined : subject,
    aim: aim === 'any' ? undefined : aim,
    lock: lock ? true : undefined,
    revalidate:
      revalidate === undefined
        ? undefined
        : revalidate.exempt.join() === EXEMPT.join()
          ? true
          : { exempt: revalidate.exempt },
    sockets: create?.map(writeSocketKind),
  };
  return Object.entries(keys).flatMap(([key, value]) => (value === undefined ? [] : [tomlLine(key, value)]));
}
