/**
 * The verifier: a program is accepted where no way through it can touch what it may not, use what has no value, or return
 * anything but 0 and 1. Programs need not be proven to end, because every run has a budget of instructions.
 *
 * Owns the walk: states are joined where ways meet and loops are widened, so that the time is bounded by the size.
 */

import { decode } from '../code/decode.ts';
import { encode } from '../code/encode.ts';
import type { Code } from '../code/instruction.ts';
import { invalid } from '../code/invalid.ts';
import { CONTEXTS, type ProgramHook } from '../hooks/contexts.ts';
import { checkDefinition, MAX_MAPS, type MapDefinition } from '../run/maps.ts';
import type { Surroundings } from './access.ts';
import { joinStates, newFrame, type State } from './state.ts';
import { type Point, pathOf, step } from './step.ts';
import { checkStructure, type FunctionRange, refuse } from './structure.ts';

/** Steps that the verifier takes before it gives up. */
export const MAX_STEPS = 100_000;

/** Ways that meet at one instruction before bounds that still move are given up. */
const JOINS_BEFORE_WIDENING = 16;

/** A program that was accepted: nothing else runs. */
export interface VerifiedProgram {
  readonly hook: ProgramHook;
  readonly code: Code;
  readonly functions: readonly FunctionRange[];
  readonly maps: readonly MapDefinition[];
}

interface Known {
  state: State;
  joins: number;
}

/**
 * Verifies a program.
 *
 * @param hook - what it is loaded for
 * @param given - its slots
 * @param maps - the maps that it names by their place in this list
 * @throws ProgramError with the slot, the instruction and the reason
 * @example verify('ptrace', assemble('r0 = 1\nexit'), [])
 */
export function verify(hook: ProgramHook, given: Code, maps: readonly MapDefinition[]): VerifiedProgram {
  if (!Object.hasOwn(CONTEXTS, hook)) invalid('there is no such hook');
  if (maps.length > MAX_MAPS) invalid(`there are ${maps.length} maps, more than ${MAX_MAPS}`);
  for (const [index, map] of maps.entries()) checkDefinition(map, `${index}`);
  // Through the encoding, so that instructions made in memory are held to the rules of those that were read.
  const code = decode(encode(given));
  const functions = checkStructure(code);
  const start: Point = { slot: 0, state: [newFrame([{ is: 'context' }], -1, 0)] };
  walk(code, { context: CONTEXTS[hook], maps }, start);
  return { hook, code, functions, maps: [...maps] };
}

function walk(code: Code, around: Surroundings, start: Point): void {
  const known = new Map<string, Known>();
  const pending = new Map<string, Point>();
  const arrive = ({ slot, state }: Point) => {
    const key = `${pathOf(state)}:${slot}`;
    const before = known.get(key);
    if (before === undefined) known.set(key, { state, joins: 0 });
    else {
      const joined = joinStates(before.state, state, before.joins >= JOINS_BEFORE_WIDENING);
      if (joined === before.state) return;
      before.state = joined;
      before.joins++;
    }
    pending.set(key, { slot, state: known.get(key)!.state });
  };
  arrive(start);
  for (let steps = 0; pending.size > 0; steps++) {
    const [key, point] = first(pending);
    pending.delete(key);
    if (steps >= MAX_STEPS)
      refuse(code, point.slot, `not understood within ${MAX_STEPS} steps: make the program simpler`);
    for (const next of step(code, around, point.slot, point.state)) arrive(next);
  }
}

/** The innermost call and the lowest slot: ways meet before what follows is looked at. */
function first(pending: ReadonlyMap<string, Point>): readonly [string, Point] {
  let best: readonly [string, Point] | undefined;
  for (const entry of pending) {
    const depth = entry[1].state.length;
    const bestDepth = best?.[1].state.length ?? 0;
    if (best === undefined || depth > bestDepth || (depth === bestDepth && entry[1].slot < best[1].slot))
      best = entry;
  }
  return best!;
}
