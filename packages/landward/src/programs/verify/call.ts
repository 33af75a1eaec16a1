/**
 * Calls of helpers: whether the hook has the helper, whether each argument is what it takes, and what comes back.
 *
 * Owns argument kinds. The table is `hooks/helper-table.ts`.
 */

import { type Argument, helperOf } from '../hooks/helper-table.ts';
import { checkReadable, type Refuse, type Surroundings } from './access.ts';
import { mapValues, type State, top, withRegister } from './state.ts';
import { ANY_NUMBER, describe, NOTHING, type Value } from './value.ts';

/**
 * The state after a call.
 *
 * @param call - a name for this call in this frame, to know its result again
 */
export function callHelper(
  around: Surroundings,
  state: State,
  numberOfHelper: number,
  call: string,
  refuse: Refuse,
): State {
  const found = helperOf(numberOfHelper);
  if (found === undefined) return refuse(`there is no helper ${numberOfHelper}`);
  if (!around.context.helpers.includes(found.name)) return refuse(`this hook has no helper ${found.name}`);
  const { registers } = top(state);
  let map: number | undefined;
  for (const [index, wanted] of found.helper.arguments.entries()) {
    const value = registers[index + 1]!;
    const wrong: Refuse = (reason) => refuse(`${found.name}: r${index + 1} ${reason}`);
    checkArgument(around, state, wanted, value, map, wrong);
    if (value.is === 'map') map = value.map;
  }
  // Joins leave no result of an earlier run of this call here. If one were left, it would be taken for the new one.
  let next = mapValues(state, (value) =>
    value.is === 'value or null' && value.call === call ? NOTHING : value,
  );
  for (let register = 1; register <= 5; register++) next = withRegister(next, register, NOTHING);
  const result: Value =
    found.helper.returns === 'number' ? ANY_NUMBER : { is: 'value or null', map: map!, call };
  return withRegister(next, 0, result);
}

function checkArgument(
  around: Surroundings,
  state: State,
  wanted: Argument,
  value: Value,
  map: number | undefined,
  wrong: Refuse,
): void {
  switch (wanted.is) {
    case 'map': {
      if (value.is !== 'map') wrong(`must be a map and is ${describe(value)}`);
      const { kind } = around.maps[value.map]!;
      if (!wanted.kinds.includes(kind))
        wrong(`must be a map of kind ${wanted.kinds.join(' or ')} and is ${kind}`);
      return;
    }
    case 'key':
      checkReadable(around, state, value, around.maps[map!]!.keyBytes, wrong);
      return;
    case 'value':
      checkReadable(around, state, value, around.maps[map!]!.valueBytes, wrong);
      return;
    case 'number':
      if (value.is !== 'number') wrong(`must be a number and is ${describe(value)}`);
      return;
    case 'object':
      if (value.is !== 'object' || value.kind !== wanted.kind)
        wrong(`must be ${wanted.kind === 'inode' ? 'an' : 'a'} ${wanted.kind} and is ${describe(value)}`);
      return;
  }
}

/** The state once a value was compared with 0: `value or null` becomes one of the two, everywhere it was copied to. */
export function afterNullTest(state: State, tested: Value & { is: 'value or null' }, isNull: boolean): State {
  const result: Value = isNull
    ? { is: 'number', min: 0n, max: 0n }
    : { is: 'value', map: tested.map, min: 0, max: 0 };
  return mapValues(state, (value) =>
    value.is === 'value or null' && value.call === tested.call ? result : value,
  );
}
