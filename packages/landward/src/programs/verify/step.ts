/**
 * One instruction on an abstract state: the states that can follow, with the slots where they do.
 *
 * Owns the dispatch; `access.ts`, `arithmetic.ts` and `call.ts` own the rules.
 */

import { type Code, type Instruction, MAX_FRAMES, type Operand } from '../code/instruction.ts';
import { load, type Refuse, type Surroundings, store } from './access.ts';
import { alu, asNumber, unary } from './arithmetic.ts';
import { afterNullTest, callHelper } from './call.ts';
import { rangesAfter } from './range.ts';
import { newFrame, type State, top, withRegister } from './state.ts';
import { refuse, successors } from './structure.ts';
import { ANY_NUMBER, describe, NOTHING, number, type Value } from './value.ts';

/** A state before the instruction of a slot. */
export interface Point {
  readonly slot: number;
  readonly state: State;
}

/** The calls that are active, as a name: two frames at one slot differ by it. */
export function pathOf(state: State): string {
  return state.map((frame) => frame.calledAt).join('>');
}

/** What can follow after the instruction of a slot. */
export function step(code: Code, around: Surroundings, slot: number, state: State): readonly Point[] {
  const i = code[slot]!;
  const wrong: Refuse = (reason) => refuse(code, slot, reason);
  const register = (index: number) => top(state).registers[index]!;
  const operand = (source: Operand): Value => {
    if ('reg' in source) return register(source.reg);
    const value = BigInt.asUintN(64, BigInt(source.imm));
    return number(value, value);
  };
  const next = (after: State): readonly Point[] => [{ slot: successors(i, slot)[0]!, state: after }];
  const set = (index: number, value: Value) => next(withRegister(state, index, value));

  switch (i.op) {
    case 'alu':
      return set(i.dst, alu(i, register(i.dst), operand(i.src), wrong));
    case 'neg':
    case 'swap':
      return set(i.dst, unary(i, register(i.dst), wrong));
    case 'movsx':
      return set(i.dst, unary(i, register(i.src), wrong));
    case 'const':
      return set(i.dst, number(i.value, i.value));
    case 'map':
      if (around.maps[i.map] === undefined) return wrong(`there is no map ${i.map}`);
      return set(i.dst, { is: 'map', map: i.map });
    case 'load': {
      const value = load(around, state, register(i.base), i.offset, i.size, wrong);
      if (!i.signed) return set(i.dst, value);
      return set(
        i.dst,
        unary({ op: 'movsx', wide: true, bits: (i.size * 8) as 8, dst: i.dst, src: i.dst }, value, wrong),
      );
    }
    case 'store':
      return next(store(around, state, register(i.base), i.offset, i.size, operand(i.src), wrong));
    case 'atomic':
      return next(atomic(around, i, state, wrong));
    case 'jump':
      return next(state);
    case 'branch':
      return branch(i, slot, state, register(i.dst), operand(i.src), wrong);
    case 'call':
      return next(callHelper(around, state, i.helper, `${pathOf(state)}:${slot}`, wrong));
    case 'callLocal': {
      if (state.length >= MAX_FRAMES) return wrong(`more than ${MAX_FRAMES} functions are active here`);
      const frame = newFrame(top(state).registers.slice(1, 6), slot, state.length);
      return [{ slot: slot + 1 + i.offset, state: [...state, frame] }];
    }
    case 'exit':
      return exit(state, register(0), wrong);
  }
}

function atomic(around: Surroundings, i: Instruction & { op: 'atomic' }, state: State, wrong: Refuse): State {
  const { registers } = top(state);
  const pointer = registers[i.base]!;
  if (pointer.is === 'context') return wrong('the context has no atomic operations');
  asNumber(registers[i.src]!, wrong);
  if (i.atomic === 'cmpxchg') asNumber(registers[0]!, wrong);
  const old = load(around, state, pointer, i.offset, i.size, wrong);
  asNumber(old, wrong);
  const after = store(around, state, pointer, i.offset, i.size, ANY_NUMBER, wrong);
  if (!i.fetch) return after;
  return withRegister(after, i.atomic === 'cmpxchg' ? 0 : i.src, old);
}

function exit(state: State, result: Value, wrong: Refuse): readonly Point[] {
  if (state.length === 1) {
    if (result.is !== 'number') return wrong(`the program returns r0, which is ${describe(result)}`);
    if (result.max > 1n)
      return wrong(`the program returns ${describe(result)}: it may be 0 (allow) or 1 (deny)`);
    return [];
  }
  if (result.is !== 'number' && result.is !== 'nothing')
    return wrong(`the function returns ${describe(result)}: only numbers can be returned`);
  let after: State = state.slice(0, -1);
  for (let register = 1; register <= 5; register++) after = withRegister(after, register, NOTHING);
  return [{ slot: top(state).calledAt + 1, state: withRegister(after, 0, result) }];
}

function branch(
  i: Instruction & { op: 'branch' },
  slot: number,
  state: State,
  left: Value,
  right: Value,
  wrong: Refuse,
): readonly Point[] {
  const ways = [
    { taken: false, slot: slot + 1 },
    { taken: true, slot: slot + 1 + i.offset },
  ];
  if (left.is === 'nothing' || right.is === 'nothing')
    return wrong(`a side of the comparison is ${describe(NOTHING)}`);
  if (left.is === 'number' && right.is === 'number') {
    return ways.flatMap((way) => {
      const ranges = rangesAfter(i.condition, i.wide, way.taken, left, right);
      if (ranges === undefined) return [];
      // The source first: where both are one register, the destination's range holds as well.
      let after = state;
      if ('reg' in i.src) after = withRegister(after, i.src.reg, number(ranges[1].min, ranges[1].max));
      return [{ slot: way.slot, state: withRegister(after, i.dst, number(ranges[0].min, ranges[0].max)) }];
    });
  }
  const withZero = right.is === 'number' && right.min === 0n && right.max === 0n;
  if (!withZero || !i.wide || (i.condition !== 'eq' && i.condition !== 'ne'))
    return wrong(`${describe(left.is === 'number' ? right : left)} can only be compared with 0, by == or !=`);
  return ways.flatMap((way) => {
    const isNull = way.taken === (i.condition === 'eq');
    if (left.is === 'value or null') return [{ slot: way.slot, state: afterNullTest(state, left, isNull) }];
    return isNull ? [] : [{ slot: way.slot, state }];
  });
}
