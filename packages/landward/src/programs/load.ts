/**
 * Loading: a program is verified, compiled and bound to the maps of its object; then it may be asked.
 *
 * Owns the way from a context's objects to an answer. Anything but a returned 0 denies: an empty budget, a fault, any
 * other number. Who asks, and when, is `model/programs`.
 */

import type { Hook, HookContexts, Program } from '../model/programs/index.ts';
import type { Code } from './code/instruction.ts';
import { invalid } from './code/invalid.ts';
import { CONTEXTS, type ContextLayout, type ProgramHook } from './hooks/contexts.ts';
import type { ProgramObject } from './object/object.ts';
import { CONTEXT_ADDRESS, FUEL, Machine, type Outcome } from './run/machine.ts';
import { verify } from './verify/verify.ts';
import { compile } from './wasm/compile.ts';

/** What is shown at each hook. */
export type ContextObjects = { readonly [H in Hook]: Readonly<HookContexts[H]> };

/** What a program answered. */
export interface Answer {
  readonly allowed: boolean;
  readonly outcome: Outcome;
  /** The context's writable number after the run (a cookie or a tag), where the hook has one. */
  readonly written: bigint | undefined;
  /** What the run took from its budget. */
  readonly spent: number;
}

/** A program that can be asked. */
export interface LoadedProgram<H extends ProgramHook = ProgramHook> {
  readonly hook: H;
  /** @param fuel - instructions that this run may take, where fewer than those that it was loaded with */
  ask(context: ContextObjects[H], fuel?: number): Answer;
}

/**
 * Loads a program.
 *
 * @param hook - what it is written for
 * @param code - its instructions, from `assemble` or an object file
 * @param machine - the maps that it names; programs of one object share one
 * @param fuel - instructions that a run may take, 1 to `FUEL`
 * @throws ProgramError where it is not accepted
 * @example loadProgram('ptrace', assemble('r0 = 1\nexit'), new Machine([])).ask({ tracer, tracee }).allowed // false
 */
export function loadProgram<H extends ProgramHook>(
  hook: H,
  code: Code,
  machine: Machine,
  fuel: number = FUEL,
): LoadedProgram<H> {
  if (!Number.isInteger(fuel) || fuel < 1 || fuel > FUEL) invalid(`a budget of ${fuel} is not 1 to ${FUEL}`);
  const program = verify(
    hook,
    code,
    machine.maps.map(({ definition }) => definition),
  );
  const run = compile(program, machine);
  const layout: ContextLayout = CONTEXTS[hook];
  return {
    hook,
    ask(context, most = fuel) {
      const budget = Math.min(fuel, most);
      writeContext(machine, layout, context as unknown as Readonly<Record<string, unknown>>);
      try {
        const outcome = run(budget);
        const allowed = outcome.end === 'returned' && outcome.value === 0n;
        const writable = layout.fields.find((field) => field.writable);
        const written =
          writable === undefined
            ? undefined
            : machine.view.getBigUint64(CONTEXT_ADDRESS + writable.offset, true);
        return {
          allowed,
          outcome,
          written,
          spent: outcome.end === 'returned' ? budget - run.left() : budget,
        };
      } finally {
        machine.release();
      }
    },
  };
}

/** Writes what a hook shows: numbers as they are, objects as what stands for them during this run. */
export function writeContext(
  machine: Machine,
  layout: ContextLayout,
  context: Readonly<Record<string, unknown>>,
): void {
  const objects = layout.fields.filter(({ type }) => type !== 'number');
  const handles = machine.hold(objects.map(({ name }) => context[name]));
  for (const { name, offset, type } of layout.fields) {
    const handle = objects.findIndex((field) => field.name === name);
    const value = type === 'number' ? (context[name] as bigint) : BigInt(handles[handle]!);
    machine.view.setBigUint64(CONTEXT_ADDRESS + offset, value, true);
  }
}

/** What the programs of one decision may take together, in instructions; taken from as they run. */
export interface Budget {
  left: number;
}

/** How a loaded program stands in lists. */
export interface Listing {
  /** What a denial calls it by. */
  readonly name?: string;
  /** Programs of one chain share cookies and tags. */
  readonly chain?: object;
  /** As in `Program`. */
  readonly triggers?: bigint;
  /** Where it takes its instructions from; its own for each run where absent. */
  readonly budget?: Budget;
}

/** A loaded program as one that the model's lists hold. What it writes into its context is found there. */
export function modelProgram<H extends ProgramHook>(
  loaded: LoadedProgram<H>,
  { budget, ...listing }: Listing = {},
): Program<H> {
  const { hook } = loaded;
  const writable = CONTEXTS[hook].fields.find((field) => field.writable)?.name;
  return {
    hook,
    ...listing,
    run(context) {
      if (budget !== undefined && budget.left <= 0) return 1;
      const { allowed, written, spent } = loaded.ask(context, budget?.left);
      if (budget !== undefined) budget.left -= spent;
      if (writable !== undefined) (context as unknown as Record<string, bigint>)[writable] = written!;
      return allowed ? 0 : 1;
    },
  };
}

/** A loaded program of `ptrace` as one that the model's lists hold. */
export function ptraceProgram(loaded: LoadedProgram<'ptrace'>): Program<'ptrace'> {
  return modelProgram(loaded);
}

/** All programs of an object file, on one machine with its maps. */
export function loadObject(object: ProgramObject): {
  readonly machine: Machine;
  readonly programs: readonly {
    readonly name: string;
    readonly triggers?: bigint;
    readonly program: LoadedProgram;
  }[];
} {
  const machine = new Machine(object.maps);
  const programs = object.programs.map(({ hook, code, ...named }) => ({
    ...named,
    program: loadProgram(hook, code, machine),
  }));
  return { machine, programs };
}
