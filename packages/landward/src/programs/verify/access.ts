/**
 * Accesses to memory: which bytes a pointer may read and write, and what comes out.
 *
 * Owns the rules of the context, the stack and values of maps. Objects cannot be looked into, and nothing but numbers is
 * ever written where another program, or the loader, can read it.
 */

import { type Size, STACK_BYTES } from '../code/instruction.ts';
import type { ContextLayout } from '../hooks/contexts.ts';
import type { MapDefinition } from '../run/maps.ts';
import { type StackSlot, type State, withSlot } from './state.ts';
import { ANY_NUMBER, describe, MAX_64, number, type Value } from './value.ts';

/** What a program is verified for. */
export interface Surroundings {
  readonly context: ContextLayout;
  readonly maps: readonly MapDefinition[];
}

/** Says why not; never returns. */
export type Refuse = (reason: string) => never;

const bytesRange = (size: Size): Value =>
  size === 8 ? ANY_NUMBER : number(0n, (1n << BigInt(size * 8)) - 1n);

/** The bytes of a slot that an access covers. */
const maskOf = (offset: number, size: number) => ((1 << size) - 1) << (offset & 7);

/** The field of the context at an offset. */
function fieldAt({ context }: Surroundings, offset: number, size: Size, refuse: Refuse) {
  const field = context.fields.find((one) => offset >= one.offset && offset < one.offset + 8);
  if (field === undefined || offset + size > field.offset + 8 || offset % size !== 0)
    return refuse(`the context has no field of ${size} bytes at ${offset}`);
  if (field.type !== 'number' && size !== 8)
    return refuse(
      `${field.name} is ${field.type === 'inode' ? 'an' : 'a'} ${field.type}: it can only be read whole`,
    );
  return field;
}

/** The place of an access on a stack. */
function stackPlace(pointer: Value & { is: 'stack' }, offset: number, size: number, refuse: Refuse): number {
  const at = pointer.offset + offset;
  if (at < -STACK_BYTES || at + size > 0)
    return refuse(`the stack has the bytes from -${STACK_BYTES} to -1: ${size} at ${at} are not all in it`);
  return at + STACK_BYTES;
}

/** Checks that an access lies inside a value of a map. */
export function checkInValue(
  { maps }: Surroundings,
  pointer: Value & { is: 'value' },
  offset: number,
  size: number,
  refuse: Refuse,
): void {
  const { valueBytes, kind } = maps[pointer.map]!;
  const [first, last] = [pointer.min + offset, pointer.max + offset + size];
  if (first < 0 || last > valueBytes)
    refuse(
      `the value of this ${kind} map has ${valueBytes} bytes: the access can cover ${first} to ${last - 1}`,
    );
}

function noPointer(pointer: Value, refuse: Refuse): never {
  return refuse(`the address is ${describe(pointer)}, and no memory`);
}

/** What a load gives. */
export function load(
  around: Surroundings,
  state: State,
  pointer: Value,
  offset: number,
  size: Size,
  refuse: Refuse,
): Value {
  switch (pointer.is) {
    case 'context': {
      const { type } = fieldAt(around, offset, size, refuse);
      return type === 'number' ? bytesRange(size) : { is: 'object', kind: type };
    }
    case 'stack': {
      const place = stackPlace(pointer, offset, size, refuse);
      if (place % size !== 0) return refuse(`${size} bytes of the stack must be at a multiple of ${size}`);
      const slot = state[pointer.frame]!.stack[place >> 3]!;
      if (slot.held !== undefined && size === 8) return slot.held;
      if (slot.held !== undefined && slot.held.is !== 'number')
        return refuse(`here is ${describe(slot.held)}: it can only be read whole`);
      if ((slot.mask & maskOf(place, size)) !== maskOf(place, size))
        return refuse('these bytes of the stack are not initialised on every way here');
      return bytesRange(size);
    }
    case 'value':
      checkInValue(around, pointer, offset, size, refuse);
      return bytesRange(size);
    default:
      return noPointer(pointer, refuse);
  }
}

/** The state after a store. */
export function store(
  around: Surroundings,
  state: State,
  pointer: Value,
  offset: number,
  size: Size,
  value: Value,
  refuse: Refuse,
): State {
  if (value.is === 'nothing') return refuse(`what is stored is ${describe(value)}`);
  if (pointer.is === 'stack') return storeOnStack(state, pointer, offset, size, value, refuse);
  if (pointer.is !== 'value' && pointer.is !== 'context') return noPointer(pointer, refuse);
  if (value.is !== 'number') return refuse(`${describe(value)} can only be stored on the stack`);
  if (pointer.is === 'context') {
    const field = fieldAt(around, offset, size, refuse);
    if (!field.writable || size !== 8) return refuse(`${field.name} cannot be written this way`);
    return state;
  }
  if (around.maps[pointer.map]!.kind === 'inode') return refuse('programs cannot change an inode map');
  checkInValue(around, pointer, offset, size, refuse);
  return state;
}

function storeOnStack(
  state: State,
  pointer: Value & { is: 'stack' },
  offset: number,
  size: Size,
  value: Value,
  refuse: Refuse,
): State {
  const place = stackPlace(pointer, offset, size, refuse);
  if (place % size !== 0) return refuse(`${size} bytes of the stack must be at a multiple of ${size}`);
  if (value.is === 'stack' && value.frame > pointer.frame)
    return refuse('a pointer to the stack of a function cannot outlive its call');
  const index = place >> 3;
  if (size === 8) return withSlot(state, pointer.frame, index, { mask: 0xff, held: value });
  if (value.is !== 'number') return refuse(`${describe(value)} can only be stored whole`);
  const old = state[pointer.frame]!.stack[index]!;
  if (old.held !== undefined && old.held.is !== 'number')
    return refuse(`here is ${describe(old.held)}: a part of it cannot be written`);
  return withSlot(state, pointer.frame, index, {
    mask: (old.mask & 0xff) | maskOf(place, size),
    held: undefined,
  });
}

/** Checks that some bytes can be read as numbers: a key or a value of a map. */
export function checkReadable(
  around: Surroundings,
  state: State,
  pointer: Value,
  bytes: number,
  refuse: Refuse,
): void {
  if (pointer.is === 'value') {
    checkInValue(around, pointer, 0, bytes, refuse);
    return;
  }
  if (pointer.is !== 'stack') refuse(`must point to ${bytes} bytes and is ${describe(pointer)}`);
  const place = stackPlace(pointer, 0, bytes, refuse);
  const { stack } = state[pointer.frame]!;
  for (let at = place; at < place + bytes; at++) {
    const slot: StackSlot = stack[at >> 3]!;
    if (slot.held !== undefined && slot.held.is !== 'number')
      refuse(`must point to ${bytes} bytes of numbers, and ${describe(slot.held)} is among them`);
    if ((slot.mask & maskOf(at, 1)) === 0)
      refuse(`must point to ${bytes} initialised bytes of the stack: the one at ${at - STACK_BYTES} is not`);
  }
}

/** The offsets of a pointer to a value after a number was added or taken away, or nothing where they have no bounds. */
export function moved(
  pointer: Value & { is: 'value' },
  by: Value & { is: 'number' },
  back: boolean,
): Value | undefined {
  const signed = by.min === by.max && by.min > MAX_64 >> 1n ? by.min - (MAX_64 + 1n) : undefined;
  const [low, high] = [signed ?? by.min, signed ?? by.max];
  if (high > 1n << 20n || low < -(1n << 20n)) return undefined;
  const [first, last] = back ? [-high, -low] : [low, high];
  const [min, max] = [pointer.min + Number(first), pointer.max + Number(last)];
  return min < -(2 ** 20) || max > 2 ** 20 ? undefined : { ...pointer, min, max };
}
