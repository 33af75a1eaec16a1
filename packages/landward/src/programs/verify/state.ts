/**
 * What holds before an instruction: the frames that are active, each with its registers and its stack.
 *
 * Owns states as values: every change makes a new one. A slot of the stack is eight bytes, of which a mask says which are
 * initialised; a register that was stored whole is kept, so that a pointer can be stored and loaded again.
 */

import { STACK_BYTES } from '../code/instruction.ts';
import { joinValues, NOTHING, sameValue, type Value } from './value.ts';

/** Eight bytes of a stack. `held` is a register that was stored whole. */
export interface StackSlot {
  readonly mask: number;
  readonly held: Value | undefined;
}

/** An active function. */
export interface Frame {
  readonly registers: readonly Value[];
  readonly stack: readonly StackSlot[];
  /** The slot of the call that made this frame; -1 for the program's own. */
  readonly calledAt: number;
}

/** The frames, the program's own first. */
export type State = readonly Frame[];

const EMPTY: StackSlot = { mask: 0, held: undefined };

/** A frame before its first instruction. */
export function newFrame(parameters: readonly Value[], calledAt: number, depth: number): Frame {
  const registers = Array.from({ length: 11 }, (): Value => NOTHING);
  for (const [index, value] of parameters.entries()) registers[index + 1] = value;
  registers[10] = { is: 'stack', frame: depth, offset: 0 };
  return { registers, stack: Array.from({ length: STACK_BYTES / 8 }, () => EMPTY), calledAt };
}

/** The function that runs. */
export function top(state: State): Frame {
  return state[state.length - 1]!;
}

/** The state with one register changed. */
export function withRegister(state: State, register: number, value: Value): State {
  const frame = top(state);
  return [...state.slice(0, -1), { ...frame, registers: frame.registers.with(register, value) }];
}

/** The state with one slot of a frame's stack changed. */
export function withSlot(state: State, frame: number, index: number, slot: StackSlot): State {
  const old = state[frame]!;
  return state.with(frame, { ...old, stack: old.stack.with(index, slot) });
}

/** The state with every register and stored register passed through a function. */
export function mapValues(state: State, change: (value: Value) => Value): State {
  return state.map((frame) => ({
    ...frame,
    registers: frame.registers.map(change),
    stack: frame.stack.map((slot) => {
      if (slot.held === undefined) return slot;
      const held = change(slot.held);
      return held === slot.held ? slot : held.is === 'nothing' ? EMPTY : { ...slot, held };
    }),
  }));
}

function joinSlots(old: StackSlot, more: StackSlot, widen: boolean): StackSlot {
  if (old === more) return old;
  const held =
    old.held === undefined || more.held === undefined ? undefined : joinValues(old.held, more.held, widen);
  if (held !== undefined && held.is !== 'nothing')
    return sameValue(held, old.held!) ? old : { mask: 0xff, held };
  const bytes = (slot: StackSlot) => (slot.held === undefined || slot.held.is === 'number' ? slot.mask : 0);
  const mask = bytes(old) & bytes(more);
  return old.held === undefined && old.mask === mask ? old : { mask, held: undefined };
}

/** What holds on both ways to one instruction; the old state itself where the new one adds nothing. */
export function joinStates(old: State, more: State, widen: boolean): State {
  let changed = false;
  const frames = old.map((frame, depth) => {
    const other = more[depth]!;
    const registers = frame.registers.map((value, i) => joinValues(value, other.registers[i]!, widen));
    const stack = frame.stack.map((slot, i) => joinSlots(slot, other.stack[i]!, widen));
    if (
      registers.every((value, i) => value === frame.registers[i]) &&
      stack.every((slot, i) => slot === frame.stack[i])
    )
      return frame;
    changed = true;
    return { ...frame, registers, stack };
  });
  return changed ? frames : old;
}
