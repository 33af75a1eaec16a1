/**
 * The shape of a program: its functions, and that every way stays inside of one, ends, and is reachable.
 *
 * Owns what can be said without values. Operands are known to fit: `verify` takes instructions through
 * their encoding first.
 */

import { instructionText } from '../code/disassemble.ts';
import { type Code, FRAME_REGISTER, type Instruction } from '../code/instruction.ts';
import { invalid } from '../code/invalid.ts';

/** A function: the slots from `start` up to `end`, without it. The program's own is the first. */
export interface FunctionRange {
  readonly start: number;
  readonly end: number;
}

/** Refuses an instruction of a program. */
export function refuse(code: Code, slot: number, reason: string): never {
  const instruction = code[slot];
  return invalid(reason, {
    slot,
    ...(instruction === null || instruction === undefined ? {} : { text: instructionText(instruction) }),
  });
}

/** The slots that may run after one, in the same function. */
export function successors(instruction: Instruction, slot: number): readonly number[] {
  switch (instruction.op) {
    case 'exit':
      return [];
    case 'jump':
      return [slot + 1 + instruction.offset];
    case 'branch':
      return [slot + 1, slot + 1 + instruction.offset];
    case 'const':
    case 'map':
      return [slot + 2];
    default:
      return [slot + 1];
  }
}

/** The functions of a program, by the calls in it. */
export function functionsOf(code: Code): readonly FunctionRange[] {
  const starts = new Set([0]);
  for (const [slot, instruction] of code.entries())
    if (instruction?.op === 'callLocal') starts.add(slot + 1 + instruction.offset);
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((start, i) => ({ start, end: sorted[i + 1] ?? code.length }));
}

/** The register that an instruction writes, if any. A call writes r0. */
export function written(i: Instruction): number | undefined {
  if (i.op === 'atomic') return i.fetch ? (i.atomic === 'cmpxchg' ? 0 : i.src) : undefined;
  return 'dst' in i && i.op !== 'branch' ? i.dst : undefined;
}

/**
 * Checks the shape of a program.
 *
 * @returns its functions
 * @throws ProgramError with the slot, the instruction and the reason
 */
export function checkStructure(code: Code): readonly FunctionRange[] {
  for (const [slot, instruction] of code.entries()) {
    if (instruction === null) continue;
    if (written(instruction) === FRAME_REGISTER)
      refuse(code, slot, 'r10 points to the stack and cannot be written');
    if (instruction.op !== 'callLocal') continue;
    const target = code[slot + 1 + instruction.offset];
    if (target === undefined || target === null)
      refuse(code, slot, 'calls what is not the start of an instruction');
  }
  const functions = functionsOf(code);
  for (const range of functions) checkFunction(code, range);
  return functions;
}

function checkFunction(code: Code, { start, end }: FunctionRange): void {
  const reached = new Set([start]);
  // A set grows while it is walked.
  for (const slot of reached) {
    for (const next of successors(code[slot]!, slot)) {
      const isJump = code[slot]!.op === 'jump' || code[slot]!.op === 'branch';
      if (next < start || next >= end)
        refuse(
          code,
          slot,
          isJump && next !== end ? 'jumps out of its function' : 'its function has no exit behind it',
        );
      if (code[next] === null) refuse(code, slot, 'jumps into the middle of a 64-bit immediate');
      reached.add(next);
    }
  }
  for (let slot = start; slot < end; slot++)
    if (code[slot] !== null && !reached.has(slot)) refuse(code, slot, 'no way leads here');
}
