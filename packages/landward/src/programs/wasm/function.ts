/**
 * One function of a program as a function of WebAssembly: its basic blocks as nested blocks, in one loop where it jumps
 * back. A jump ahead leaves blocks; a jump back takes from the budget and enters the loop again at another block.
 *
 * Owns control flow. Every way out other than a return sets the global of the end and returns.
 */

import type { Code, Condition, Instruction } from '../code/instruction.ts';
import { HELPERS, helperOf } from '../hooks/helper-table.ts';
import { HELPER_FUEL } from '../run/machine.ts';
import { type FunctionRange, successors } from '../verify/structure.ts';
import { constant32, constant64, TYPE, unsigned, WASM } from './bytes.ts';
import { LOCALS, narrow, operand, straight } from './instruction.ts';

/** The one global: what is left of the budget. Below 0 the run is over, and every function returns. */
export const FUEL_GLOBAL = 0;

/** Where a function finds what is outside of it. */
export interface Links {
  readonly handleOfMap: (index: number) => number;
  readonly functions: readonly FunctionRange[];
  /** The number of the first function in the module, behind the imported helpers. */
  readonly firstFunction: number;
}

const COMPARE = {
  eq: WASM.i64Eq,
  ne: WASM.i64Ne,
  gt: WASM.i64GtU,
  ge: WASM.i64GeU,
  lt: WASM.i64LtU,
  le: WASM.i64LeU,
  sgt: WASM.i64GtS,
  sge: WASM.i64GeS,
  slt: WASM.i64LtS,
  sle: WASM.i64LeS,
} as const satisfies Record<Exclude<Condition, 'set'>, number>;

const get = (local: number) => [WASM.localGet, local];

/** Ends this function with 0, which nobody looks at. */
const giveUp = [...constant64(0n), WASM.return];

/** Takes from the budget, and gives up where it is spent. */
function charge(amount: number): number[] {
  return [
    WASM.globalGet,
    FUEL_GLOBAL,
    ...constant32(amount),
    WASM.i32Sub,
    WASM.globalSet,
    FUEL_GLOBAL,
    ...ifSpent(),
  ];
}

function ifSpent(): number[] {
  return [
    WASM.globalGet,
    FUEL_GLOBAL,
    ...constant32(0),
    WASM.i32LtS,
    WASM.if,
    TYPE.none,
    ...giveUp,
    WASM.end,
  ];
}

/** The slots where blocks begin. */
function leaders(code: Code, { start, end }: FunctionRange): readonly number[] {
  const found = new Set([start]);
  for (let slot = start; slot < end; slot++) {
    const i = code[slot];
    if (i?.op !== 'jump' && i?.op !== 'branch') continue;
    for (const next of successors(i, slot)) found.add(next);
  }
  return [...found].sort((a, b) => a - b);
}

/** The body of a function, locals included. Registers r1 to r5 come as parameters 1 to 5, r10 as parameter 10. */
export function functionBody(code: Code, range: FunctionRange, links: Links): number[] {
  const blocks = leaders(code, range);
  const place = new Map(blocks.map((slot, index) => [slot, index]));
  const body: number[] = [WASM.loop, TYPE.none];
  for (let i = 0; i < blocks.length; i++) body.push(WASM.block, TYPE.none);
  body.push(...get(LOCALS.block), WASM.brTable, ...unsigned(blocks.length - 1));
  for (let i = 0; i < blocks.length; i++) body.push(...unsigned(i));
  for (const [index, first] of blocks.entries()) {
    body.push(WASM.end);
    const end = blocks[index + 1] ?? range.end;
    for (let slot = first; slot < end; slot++) {
      const i = code[slot];
      if (i === null || i === undefined) continue;
      const jump = (target: number, nested: number) => {
        const to = place.get(target)!;
        // Blocks behind this one are still open, and the loop around them.
        if (to > index) return [WASM.br, ...unsigned(to - index - 1 + nested)];
        return [
          ...charge(slot - target + 1),
          ...constant32(to),
          WASM.localSet,
          LOCALS.block,
          WASM.br,
          ...unsigned(blocks.length - 1 - index + nested),
        ];
      };
      for (const byte of instruction(i, slot, jump, links)) body.push(byte);
    }
  }
  body.push(WASM.end, WASM.unreachable, WASM.end);
  const locals = [2, 2, TYPE.i64, 1, TYPE.i32];
  return [...unsigned(locals.length + body.length), ...locals, ...body];
}

function instruction(
  i: Instruction,
  slot: number,
  jump: (target: number, nested: number) => number[],
  links: Links,
): number[] {
  switch (i.op) {
    case 'jump':
      return jump(slot + 1 + i.offset, 0);
    case 'branch':
      return [...condition(i), WASM.if, TYPE.none, ...jump(slot + 1 + i.offset, 1), WASM.end];
    case 'call':
      return callHelper(i.helper);
    case 'callLocal':
      return callFunction(slot + 1 + i.offset, links);
    case 'exit':
      return [...get(0), WASM.return];
    default:
      return straight(i, links.handleOfMap);
  }
}

function condition(i: Instruction & { op: 'branch' }): number[] {
  const isSigned = i.condition.startsWith('sg') || i.condition.startsWith('sl');
  const left = narrow(get(i.dst), i.wide, isSigned);
  const right = narrow(operand(i.src), i.wide, isSigned);
  if (i.condition === 'set') return [...left, ...right, WASM.i64And, WASM.i64Eqz, WASM.i32Eqz];
  return [...left, ...right, COMPARE[i.condition]];
}

/** The names of helpers, in the order in which a module imports them. */
export const HELPER_ORDER = Object.keys(HELPERS) as (keyof typeof HELPERS)[];

/** Helpers take three addresses and a number; an address comes back unsigned, a number by its sign. */
function callHelper(helper: number): number[] {
  const found = helperOf(helper);
  // Only where no way leads: the verifier knows every helper on a way.
  if (found === undefined) return [WASM.unreachable];
  const addresses = [1, 2, 3].flatMap((register) => [...get(register), WASM.i32WrapI64]);
  const extend = found.helper.returns === 'number' ? WASM.i64ExtendI32S : WASM.i64ExtendI32U;
  return [
    ...charge(HELPER_FUEL),
    ...addresses,
    ...get(4),
    WASM.call,
    ...unsigned(HELPER_ORDER.indexOf(found.name)),
    extend,
    WASM.localSet,
    0,
  ];
}

function callFunction(target: number, { functions, firstFunction }: Links): number[] {
  const index = functions.findIndex(({ start }) => start === target);
  const { start, end } = functions[index]!;
  const parameters = [1, 2, 3, 4, 5].flatMap(get);
  return [
    ...charge(end - start),
    ...constant64(0n),
    ...parameters,
    ...[6, 7, 8, 9].flatMap(() => constant64(0n)),
    ...get(10),
    ...constant64(512n),
    WASM.i64Add,
    WASM.call,
    ...unsigned(firstFunction + index),
    WASM.localSet,
    0,
    ...ifSpent(),
  ];
}
