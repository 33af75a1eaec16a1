/**
 * Compares the model with the kernel step by step, and shrinks a case on which they differ to the fewest steps and
 * rights that still show the difference.
 */

import type { Behaviour } from '../../packages/landward/src/model/index.ts';
import { ERRNO, errnoName } from '../../packages/landward/src/uapi/errno.ts';
import { type Answer, PASSED } from './answer.ts';
import { runOnKernel } from './kernel.ts';
import { Machine } from './machine.ts';
import type { Step } from './steps.ts';
import { Senseless } from './task.ts';

/** What the executor prints where a socket family does not exist, or a step was lost. */
export const NOT_HERE = 9999;
export const LOST = 9998;

/** The first step of a case on which model and kernel differ. */
export interface Difference {
  readonly index: number;
  readonly step: Step;
  readonly model: number;
  readonly kernel: number;
}

/** Whether the kernel's errno is what the model says. */
export function agrees(step: Step, model: number, kernel: number): boolean {
  if (kernel === LOST) return false;
  if (kernel === NOT_HERE) return true;
  // A file that a task holds open for writing can't be executed; who holds what is not modelled.
  if (step.op === 'exec' && kernel === ERRNO.ETXTBSY) return true;
  return model === PASSED ? kernel !== ERRNO.EACCES : model === kernel;
}

/** The first difference, or `null`. */
export function firstDifference(
  steps: readonly Step[],
  answers: readonly Answer[],
  kernel: readonly number[],
): Difference | null {
  for (const [index, step] of steps.entries()) {
    const model = answers[index]!.errno;
    if (!agrees(step, model, kernel[index]!)) return { index, step, model, kernel: kernel[index]! };
  }
  return null;
}

/** Asks the model about a list of steps; `null` where a step makes no sense without one that is missing. */
export function ask(behaviour: Behaviour, steps: readonly Step[]): Answer[] | null {
  const machine = new Machine(behaviour);
  try {
    return steps.map((step) => machine.run(step));
  } catch (error) {
    if (error instanceof Senseless) return null;
    throw error;
  }
}

/** Shrinks a differing case. */
export async function shrink(
  behaviour: Behaviour,
  steps: readonly Step[],
): Promise<{ steps: readonly Step[]; difference: Difference }> {
  const differs = async (candidate: readonly Step[]) => {
    const answers = ask(behaviour, candidate);
    if (answers === null) return null;
    const [kernel] = await runOnKernel([candidate]);
    return firstDifference(candidate, answers, kernel!);
  };
  let difference = await differs(steps);
  if (difference === null) throw new Error('the difference does not come again');
  let smallest = steps.slice(0, difference.index + 1);
  for (let size = Math.ceil(smallest.length / 2); size >= 1; ) {
    let shrunk = false;
    for (let start = smallest.length - size; start >= 0; start -= size) {
      const candidate = [...smallest.slice(0, start), ...smallest.slice(start + size)];
      const still = candidate.length === 0 ? null : await differs(candidate);
      if (still === null) continue;
      smallest = candidate.slice(0, still.index + 1);
      difference = still;
      shrunk = true;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!shrunk) break;
  }
  return { steps: smallest, difference };
}

/** A shrunken case as a test that can be pasted. */
export function asTest(steps: readonly Step[], difference: Difference): string {
  const name = (errno: number) => (errno === PASSED ? 'PASSED' : errno === 0 ? 'success' : errnoName(errno));
  return [
    `// step ${difference.index}: the model says ${name(difference.model)}, the kernel ${name(difference.kernel)}`,
    'same([',
    ...steps.map((step) => `  ${JSON.stringify(step)},`),
    ']);',
  ].join('\n');
}
