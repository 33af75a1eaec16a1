/**
 * The error for a start that the kernel refused, in words that a person can act on. Owns the messages for refusals with a
 * known cause; every other one keeps the step, the call and the errno.
 */

import { KernelError, LandwardError } from '../errors.ts';
import type { DenialEvent } from '../model/denial.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import { refusedCommand } from './command.ts';

/**
 * Turns the refusal of a step into the error to tell.
 *
 * @param error which step was refused
 * @param file the program that was to be executed
 * @returns an error whose `cause` is the refusal, or the refusal itself
 */
export function refusedStart(error: unknown, file: string): unknown {
  if (!(error instanceof KernelError)) return error;
  if (error.syscall === 'execve')
    return Object.assign(refusedCommand(file, error.errno, errnoName(error.errno)), { cause: error });
  return layersAreFull(error) ? tooManyLayers(`start ${JSON.stringify(file)}`, error) : error;
}

/**
 * Names who refused a start besides the rules: a function, a person, or a policy program.
 *
 * @param error why the program did not start
 * @param notes what is known of functions that failed
 * @returns an error that names them, or the same
 */
export function refusedByProgram(
  error: unknown,
  events: readonly DenialEvent[],
  notes: readonly string[],
): unknown {
  if (!(error instanceof LandwardError) || error.code !== 'COMMAND_NOT_EXECUTABLE') return error;
  const by = events.findLast(({ missing }) => missing.includes('fs.execute'))?.program;
  if (by === undefined) return error;
  return new LandwardError(
    'COMMAND_NOT_EXECUTABLE',
    `Cannot run ${JSON.stringify(error.part)}: denied by ${by}`,
    {
      part: error.part,
      fix: notes.at(-1) ?? 'The rules allow it: change who is asked besides, or run another program',
      // The refusal of execve itself, as for any other command.
      cause: error.cause,
    },
  );
}

/** Whether the kernel refused another layer because a domain can have no more. */
export function layersAreFull({ syscall, errno }: KernelError): boolean {
  return syscall === 'landlock_restrict_self' && errno === ERRNO.E2BIG;
}

/** The error for the seventeenth layer. */
export function tooManyLayers(what: string, cause: KernelError): LandwardError {
  return new LandwardError(
    'KERNEL',
    `Cannot ${what}: it is in 16 layers of Landlock already, and the kernel has no more`,
    { fix: 'Compose the policies into one instead of layering them', cause },
  );
}
