/**
 * A verified program as a module of WebAssembly, bound to its machine: the fast way to run it.
 *
 * Owns the module and how a run begins and ends. A trap, which the verifier should have kept out, ends a run as a fault.
 */

import { STACK_BYTES } from '../code/instruction.ts';
import { interpret } from '../run/interpret.ts';
import { CONTEXT_ADDRESS, Fault, FUEL, type Machine, type Outcome, STACK_ADDRESS } from '../run/machine.ts';
import type { VerifiedProgram } from '../verify/verify.ts';
import { constant32, constant64, name, TYPE, unsigned, vector, WASM, wasmModule } from './bytes.ts';
import { type Engine, engine } from './engine.ts';
import { functionBody, HELPER_ORDER } from './function.ts';

const SECTION = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;

/** Types of functions: helpers; functions of the program, with all registers; the entry. */
const TYPES = [
  [TYPE.function, 4, TYPE.i32, TYPE.i32, TYPE.i32, TYPE.i64, 1, TYPE.i32],
  [TYPE.function, ...vector(Array.from({ length: 11 }, () => [TYPE.i64])), 1, TYPE.i64],
  [TYPE.function, 1, TYPE.i32, 1, TYPE.i32],
];

/** The module of a program. */
export function moduleOf(program: VerifiedProgram, machine: Machine): Uint8Array {
  const { code, functions } = program;
  const firstFunction = HELPER_ORDER.length;
  const pages = machine.bytes.length / 65536;
  const links = { functions, firstFunction, handleOfMap: (index: number) => machine.handleOfMap(index) };
  return wasmModule([
    [SECTION.type, vector(TYPES)],
    [
      SECTION.import,
      vector([
        ...HELPER_ORDER.map((helper) => [...name('helper'), ...name(helper), 0, 0]),
        [...name('machine'), ...name('memory'), 2, 1, ...unsigned(pages), ...unsigned(pages)],
      ]),
    ],
    [SECTION.function, vector([...functions.map(() => [1]), [2]])],
    [SECTION.global, vector([[TYPE.i32, 1, ...constant32(0), WASM.end]])],
    [
      SECTION.export,
      vector([
        [...name('run'), 0, ...unsigned(firstFunction + functions.length)],
        [...name('fuel'), 3, 0],
      ]),
    ],
    [
      SECTION.code,
      vector([...functions.map((range) => functionBody(code, range, links)), entry(firstFunction)]),
    ],
  ]);
}

/** Sets the budget, runs, and says what r0 is: 0 or 1, or 2 for anything else. */
function entry(program: number): number[] {
  const registers = Array.from({ length: 11 }, () => 0n);
  registers[1] = BigInt(CONTEXT_ADDRESS);
  registers[10] = BigInt(STACK_ADDRESS + STACK_BYTES);
  const body = [
    1,
    1,
    TYPE.i64,
    WASM.localGet,
    0,
    WASM.globalSet,
    0,
    ...registers.flatMap(constant64),
    WASM.call,
    ...unsigned(program),
    WASM.localTee,
    1,
    WASM.i32WrapI64,
    ...constant32(2),
    WASM.localGet,
    1,
    ...constant64(2n),
    WASM.i64LtU,
    WASM.select,
    WASM.end,
  ];
  return [...unsigned(body.length), ...body];
}

/** A program that was made ready to run. */
export interface Runnable {
  (fuel?: number): Outcome;
  /** What the last run has left of its budget: nothing, where it was spent. */
  left(): number;
}

/**
 * Makes a program ready: compiled where this host has WebAssembly, else interpreted, which is slower and ends alike.
 *
 * @param machine - the memory and helpers of its object
 * @returns a function that runs it, once its context was written
 */
export function compile(program: VerifiedProgram, machine: Machine): Runnable {
  return engine === null ? interpreted(program, machine) : compiled(program, machine, engine);
}

/** A program for the interpreter. */
export function interpreted(program: VerifiedProgram, machine: Machine): Runnable {
  let left = 0;
  const run = (budget = FUEL) =>
    interpret(program, machine, budget, (rest) => {
      left = rest;
    });
  return Object.assign(run, { left: () => Math.max(0, left) });
}

function compiled(program: VerifiedProgram, machine: Machine, host: Engine): Runnable {
  const module = new host.Module(moduleOf(program, machine));
  const { exports } = new host.Instance(module, {
    helper: machine.helpers,
    machine: { memory: machine.memory },
  });
  const run = exports.run as (fuel: number) => number;
  const fuel = exports.fuel as { readonly value: number };
  const once = (budget = FUEL): Outcome => {
    let value: number;
    try {
      value = run(budget);
    } catch (error) {
      if (error instanceof Fault) return { end: 'fault', why: error.message };
      if (error instanceof Error && error.name === 'RuntimeError')
        return { end: 'fault', why: error.message };
      throw error;
    }
    return fuel.value < 0 ? { end: 'fuel' } : { end: 'returned', value: BigInt(value) };
  };
  return Object.assign(once, { left: () => Math.max(0, fuel.value) });
}
