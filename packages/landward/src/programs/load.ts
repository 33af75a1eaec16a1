/**
 * Loading: a program is verified, compiled and bound to the maps of its object; then it may be asked.
 *
 * Owns the way from a context's objects to an answer. Anything but a returned 0 denies: an empty budget, a fault, any
 * other number. Who asks, and when, is `model/programs`.
 */

import type { Program, ProgramTask } from '../model/programs/index.ts';
import type { Code } from './code/instruction.ts';
import { invalid } from './code/invalid.ts';
import { CONTEXTS, type ContextLayout, type ProgramHook } from './hooks/contexts.ts';
import type { ProgramObject } from './object/object.ts';
import { CONTEXT_ADDRESS, FUEL, Machine, type Outcome } from './run/machine.ts';
import { verify } from './verify/verify.ts';
import { compile } from './wasm/compile.ts';

/** What is shown at each hook. An inode is any value that is the same for the same object. */
export interface ContextObjects {
  readonly ptrace: { readonly tracer: ProgramTask; readonly tracee: ProgramTask };
  readonly fs_walk: { readonly cookie: bigint; readonly inode: unknown; readonly lookup: bigint };
  readonly fs_pick: { readonly cookie: bigint; readonly inode: unknown; readonly triggers: bigint };
}

/** What a program answered. */
export interface Answer {
  readonly allowed: boolean;
  readonly outcome: Outcome;
  /** The context's writable number after the run, where the hook has one. */
  readonly cookie: bigint | undefined;
}

/** A program that can be asked. */
export interface LoadedProgram<H extends ProgramHook = ProgramHook> {
  readonly hook: H;
  ask(context: ContextObjects[H]): Answer;
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
    ask(context) {
      writeContext(machine, layout, context as unknown as Readonly<Record<string, unknown>>);
      try {
        const outcome = run(fuel);
        const allowed = outcome.end === 'returned' && outcome.value === 0n;
        const writable = layout.fields.find((field) => field.writable);
        const cookie =
          writable === undefined
            ? undefined
            : machine.view.getBigUint64(CONTEXT_ADDRESS + writable.offset, true);
        return { allowed, outcome, cookie };
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

/** A loaded program as one that the model's lists hold. */
export function ptraceProgram(loaded: LoadedProgram<'ptrace'>): Program<'ptrace'> {
  return { hook: 'ptrace', run: (context) => (loaded.ask(context).allowed ? 0 : 1) };
}

/** All programs of an object file, on one machine with its maps. */
export function loadObject(object: ProgramObject): {
  readonly machine: Machine;
  readonly programs: readonly { readonly name: string; readonly program: LoadedProgram }[];
} {
  const machine = new Machine(object.maps);
  const programs = object.programs.map(({ name, hook, code }) => ({
    name,
    program: loadProgram(hook, code, machine),
  }));
  return { machine, programs };
}
