/**
 * The interpreter: a verified program on BigInts, one instruction after the other. Slow and plain, to be compared with.
 *
 * Owns the order of execution and memory accesses; arithmetic is `arithmetic.ts`. It checks addresses again, so that a
 * defect of the verifier ends a run instead of reading another object's bytes.
 */

import type { Instruction, Operand, Size } from '../code/instruction.ts';
import { MAX_FRAMES, STACK_BYTES } from '../code/instruction.ts';
import { helperOf } from '../hooks/helper-table.ts';
import { constant } from '../verify/arithmetic.ts';
import type { VerifiedProgram } from '../verify/verify.ts';
import { arithmetic, holds, low, sign } from './arithmetic.ts';
import {
  CONTEXT_ADDRESS,
  Fault,
  FUEL,
  HELPER_FUEL,
  type Machine,
  type Outcome,
  STACK_ADDRESS,
} from './machine.ts';

interface Run {
  readonly program: VerifiedProgram;
  readonly machine: Machine;
  registers: bigint[];
  readonly frames: { readonly registers: readonly bigint[]; readonly back: number }[];
  fuel: number;
}

/**
 * Runs a program whose context was written.
 *
 * @param fuel - instructions that it may take
 * @param ended - hears what is left of them
 */
export function interpret(
  program: VerifiedProgram,
  machine: Machine,
  fuel = FUEL,
  ended?: (left: number) => void,
): Outcome {
  const registers = Array.from({ length: 11 }, () => 0n);
  registers[1] = BigInt(CONTEXT_ADDRESS);
  registers[10] = BigInt(STACK_ADDRESS + STACK_BYTES);
  const run: Run = { program, machine, registers, frames: [], fuel };
  try {
    for (let slot = 0; slot >= 0; ) {
      const next = execute(run, slot);
      if (run.fuel < 0) return { end: 'fuel' };
      slot = next;
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { end: 'fault', why: error.message };
  } finally {
    ended?.(run.fuel);
  }
  return { end: 'returned', value: run.registers[0]! };
}

const operand = (run: Run, source: Operand): bigint =>
  'reg' in source ? run.registers[source.reg]! : low(64, BigInt(source.imm));

/** Executes one instruction and says where to go on; -1 ends the run. */
function execute(run: Run, slot: number): number {
  const i = run.program.code[slot];
  if (i === undefined || i === null) throw new Fault(`no instruction at ${slot}`);
  const { registers: r, machine } = run;
  switch (i.op) {
    case 'alu':
      r[i.dst] = arithmetic(i.alu, i.wide, r[i.dst]!, operand(run, i.src));
      return slot + 1;
    case 'neg':
    case 'swap':
      r[i.dst] = constant(i, r[i.dst]!);
      return slot + 1;
    case 'movsx':
      r[i.dst] = constant(i, r[i.src]!);
      return slot + 1;
    case 'const':
      r[i.dst] = i.value;
      return slot + 2;
    case 'map':
      r[i.dst] = BigInt(machine.handleOfMap(i.map));
      return slot + 2;
    case 'load': {
      const value = read(machine, address(run, i), i.size);
      r[i.dst] = i.signed ? low(64, sign(i.size * 8, value)) : value;
      return slot + 1;
    }
    case 'store':
      write(machine, address(run, i), i.size, operand(run, i.src));
      return slot + 1;
    case 'atomic':
      atomic(run, i);
      return slot + 1;
    case 'jump':
      return go(run, slot, i.offset);
    case 'branch':
      return holds(i.condition, i.wide, r[i.dst]!, operand(run, i.src)) ? go(run, slot, i.offset) : slot + 1;
    case 'call':
      return call(run, i.helper, slot);
    case 'callLocal':
      return enter(run, slot, slot + 1 + i.offset);
    case 'exit':
      return leave(run);
  }
}

function go(run: Run, slot: number, offset: number): number {
  if (offset < 0) run.fuel += offset;
  return slot + 1 + offset;
}

function call(run: Run, helper: number, slot: number): number {
  const found = helperOf(helper);
  if (found === undefined) throw new Fault(`no helper ${helper}`);
  run.fuel -= HELPER_FUEL;
  if (run.fuel < 0) return slot;
  const [a, b, c, d] = [1, 2, 3, 4].map((index) => run.registers[index]!) as [bigint, bigint, bigint, bigint];
  const short = (value: bigint) => Number(low(32, value));
  const result = run.machine.helpers[found.name](short(a), short(b), short(c), d);
  run.registers[0] = low(64, BigInt(result));
  return slot + 1;
}

function enter(run: Run, slot: number, target: number): number {
  if (run.frames.length + 1 >= MAX_FRAMES) throw new Fault('too many frames');
  const callee = run.program.functions.find(({ start }) => start === target);
  if (callee === undefined) throw new Fault(`no function at ${target}`);
  run.fuel -= callee.end - callee.start;
  run.frames.push({ registers: run.registers, back: slot + 1 });
  run.registers = [...run.registers];
  run.registers[10] = run.registers[10]! + BigInt(STACK_BYTES);
  return target;
}

function leave(run: Run): number {
  const frame = run.frames.pop();
  if (frame === undefined) return -1;
  run.registers = [run.registers[0]!, ...frame.registers.slice(1)];
  return frame.back;
}

function address(run: Run, i: Instruction & { op: 'load' | 'store' | 'atomic' }): number {
  const at = Number(low(32, run.registers[i.base]! + BigInt(i.offset)));
  if (at < CONTEXT_ADDRESS || at + i.size > run.machine.bytes.length) throw new Fault(`no memory at ${at}`);
  return at;
}

function read({ view }: Machine, at: number, size: Size): bigint {
  if (size === 8) return view.getBigUint64(at, true);
  return BigInt(
    size === 4 ? view.getUint32(at, true) : size === 2 ? view.getUint16(at, true) : view.getUint8(at),
  );
}

function write({ view }: Machine, at: number, size: Size, value: bigint): void {
  if (size === 8) view.setBigUint64(at, value, true);
  else if (size === 4) view.setUint32(at, Number(low(32, value)), true);
  else if (size === 2) view.setUint16(at, Number(low(16, value)), true);
  else view.setUint8(at, Number(low(8, value)));
}

function atomic(run: Run, i: Instruction & { op: 'atomic' }): void {
  const { registers: r, machine } = run;
  const at = address(run, i);
  const old = read(machine, at, i.size);
  const source = r[i.src]!;
  if (i.atomic === 'cmpxchg') {
    if (low(i.size * 8, r[0]!) === old) write(machine, at, i.size, source);
    r[0] = old;
    return;
  }
  write(machine, at, i.size, i.atomic === 'xchg' ? source : arithmetic(i.atomic, i.size === 8, old, source));
  if (i.fetch) r[i.src] = old;
}
