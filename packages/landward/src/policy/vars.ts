/**
 * The variables that a text can use: those of the system, its own, and those of the texts that it extends.
 *
 * Resolves own variables once, refuses cycles and new meanings for system variables, and remembers which were used.
 */

import type { Position } from '../errors.ts';
import { expand, isRefusal, type Lookup, literal, MAX_PRODUCT, type Piece } from './expand.ts';
import type { Problems } from './problems.ts';
import { items, type Place, type TableNode } from './tree.ts';

/** What the system says; absolute paths after symbolic links, and the user's number. */
export interface SystemVariables {
  readonly project: string;
  readonly home: string;
  readonly tmp: string;
  readonly cache: string;
  readonly config: string;
  readonly runtime: string;
  readonly uid: number;
}

/** The names of the system's variables. */
export const SYSTEM_VARIABLES = [
  'project',
  'home',
  'tmp',
  'cache',
  'config',
  'runtime',
  'uid',
] as const satisfies readonly (keyof SystemVariables)[];

/** The variables of one text. */
export interface Scope {
  readonly lookup: Lookup;
  /** Own variables that nothing asked for so far. */
  unused(): readonly { readonly name: string; readonly at: Position }[];
}

type Values = readonly (readonly Piece[])[];

/** A scope with the system's variables alone. */
export function systemScope(system: SystemVariables): Scope {
  const values = new Map<string, Values>(
    SYSTEM_VARIABLES.map((name) => [name, [literal(String(system[name]))]]),
  );
  return { lookup: (name) => values.get(name), unused: () => [] };
}

/**
 * The scope of a text.
 *
 * @param vars its checked `[vars]`, if it has them
 * @param system the system's scope
 * @param extended the scopes of the texts that it extends; the later wins
 */
export function textScope(
  vars: TableNode | undefined,
  system: Scope,
  extended: readonly Scope[],
  problems: Problems,
): Scope {
  const own = new Map((vars?.entries ?? []).map((entry) => [entry.key, entry]));
  const resolved = new Map<string, Values | null>();
  const used = new Set<string>();
  const open: string[] = [];

  for (const { key, keyPlace } of own.values()) {
    if (system.lookup(key) !== undefined)
      problems.add(keyPlace, `The variable '${key}' belongs to the system`, {
        part: key,
        fix: 'Choose another name',
      });
  }

  const inherited = (name: string): Values | undefined => {
    for (const scope of extended.toReversed()) {
      const values = scope.lookup(name);
      if (values !== undefined) return values;
    }
    return undefined;
  };

  const resolveOwn = (name: string, place: Place): Values => {
    const known = resolved.get(name);
    if (known !== undefined && known !== null) return known;
    if (known === null) {
      const cycle = [...open.slice(open.indexOf(name)), name].join(' -> ');
      problems.add(place, `The variable '${name}' needs itself: ${cycle}`, { part: name });
      return [literal('/')];
    }
    resolved.set(name, null);
    open.push(name);
    const values: Values[number][] = [];
    for (const item of items(own.get(name)!.value)) {
      if (item.kind !== 'string') continue;
      const result = expand(item.value, lookup);
      if (isRefusal(result)) problems.add(item, result.refused, { part: item.value, fix: result.fix });
      else values.push(...result);
    }
    if (values.length > MAX_PRODUCT)
      problems.add(place, `The variable '${name}' has more than ${MAX_PRODUCT} values`);
    open.pop();
    resolved.set(name, values.slice(0, MAX_PRODUCT));
    return resolved.get(name)!;
  };

  const lookup: Lookup = (name) => {
    const fromSystem = system.lookup(name);
    if (fromSystem !== undefined) return fromSystem;
    const entry = own.get(name);
    if (entry === undefined) return inherited(name);
    used.add(name);
    return resolveOwn(name, entry.keyPlace);
  };

  for (const [name, { keyPlace }] of own) resolveOwn(name, keyPlace);
  used.clear();
  return {
    lookup,
    unused: () =>
      [...own.values()]
        .filter(({ key }) => !used.has(key))
        .map(({ key, keyPlace }) => ({ name: key, at: keyPlace.at })),
  };
}
