/**
 * What a run came to: one shape for the value that `spawn` resolves with and the error that it rejects with.
 *
 * Owns the shape, the sentence that sums it up and the pairing with an error. It starts and measures nothing.
 */

import { CODES, type Code, KernelError, LandwardError } from '../errors.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { ProgramMaps } from '../model/programs/index.ts';
import type { Gap, Report } from '../policy/plan.ts';
import { errnoName } from '../uapi/errno.ts';

/** The step of a start that the kernel refused; then no program ran. */
export interface StartFailure {
  /** What was being done, such as `landlock_restrict_self`. */
  readonly step: string;
  readonly syscall: string;
  readonly errno: number;
  readonly errname: string;
}

/** Times in milliseconds. */
export interface Timings {
  /** Reading and compiling the policy; 0 with a plan made before. */
  readonly compileMs: number;
  /** Building the ruleset; 0 when it was built before. */
  readonly prepareMs: number;
  /** From the call into the kernel until the program runs. */
  readonly startMs: number;
  /** From then until its end was seen. */
  readonly runMs: number;
}

/** Resources that the program and its waited-for children used. */
export interface Usage {
  readonly userMs: number;
  readonly systemMs: number;
}

/** What is known of a run's denials. */
export type Denials = 'unknown' | SupervisedDenials;

/**
 * What the supervisor has denied: all of that, and nothing else. The kernel holds a part of the same plan and tells nobody
 * here, so an empty list does not say that nothing was denied.
 */
export interface SupervisedDenials {
  readonly known: 'supervised calls';
  readonly kernel: 'unknown';
  /** One of each kind, in order. */
  readonly events: readonly DenialEvent[];
  /** Denials that are like one of these, or that came when there were too many to keep. */
  readonly more: number;
  /** Why calls were refused that no rule denies: a program that cannot be looked into, a defect of landward. */
  readonly notes: readonly string[];
}

/** A finished (or never started) run. */
export interface Result {
  readonly command: string;
  readonly args: readonly string[];
  /** The file that the command means, once found. */
  readonly file: string | null;
  readonly pid: number | null;
  /** The exit status, `null` after a signal or when nothing started. */
  readonly exitCode: number | null;
  /** The signal that ended the program. */
  readonly signal: NodeJS.Signals | null;
  /** Whether anything but exit status 0 happened. */
  readonly failed: boolean;
  /** Whether the program was started. */
  readonly started: boolean;
  readonly startFailure: StartFailure | null;
  /** Why no program ran, as the error that a run rejects with says it; `null` where one did. */
  readonly refusal: { readonly code: Code; readonly message: string } | null;
  /** Ended because `timeout` or the policy's time limit was over. */
  readonly timedOut: boolean;
  /** Ended because the abort signal fired. */
  readonly aborted: boolean;
  /** Ended by a signal that the caller sent with `kill()`. */
  readonly killed: boolean;
  /** Whether captured output was cut at `maxOutputBytes`. */
  readonly outputTruncated: boolean;
  /** Captured output, `null` where it was not captured. */
  readonly stdout: string | null;
  readonly stderr: string | null;
  /**
   * The denials of the run, as far as they are known. `unknown` says that nobody listened: the kernel alone tells no
   * denial to the launcher, so that silence here never means that nothing was denied.
   */
  readonly denials: Denials;
  /** What the maps of policy programs held at the end; empty where there were none. */
  readonly maps: readonly ProgramMaps[];
  /** What this host could not hold of the policy; every one was accepted by name. */
  readonly gaps: readonly Gap[];
  /** The account of what was enforced; `null` when the plan was never made. */
  readonly report: Report | null;
  readonly timings: Timings;
  readonly usage: Usage | null;
}

/** What `spawn` rejects with: an error that has every field of the result. */
export type RunError = Omit<LandwardError, 'exitCode'> & Result;

/** One sentence about how a run ended. */
export function summary(result: Result): string {
  const name = JSON.stringify(result.command);
  if (result.startFailure !== null)
    return `Cannot start ${name}: ${result.startFailure.step}: ${result.startFailure.syscall} failed with ${result.startFailure.errname}`;
  const end =
    result.signal === null ? `ended with exit status ${result.exitCode}` : `was ended by ${result.signal}`;
  if (result.timedOut) return `${name} ran out of time and ${end}`;
  if (result.aborted) return `${name} was aborted and ${end}`;
  return `${name} ${end}`;
}

/**
 * The error of a failed run: the given one, or a new one with code COMMAND_FAILED, with the fields of the result on it.
 *
 * @param result the failed run
 * @param cause the error that stopped it before or at the start
 */
export function runError(result: Result, cause?: unknown): RunError {
  const error =
    cause instanceof LandwardError ? cause : new LandwardError(codeOf(result), summary(result), { cause });
  // `exitCode` is the program's here; the error's own getter (an exit status for the command line) gives way.
  for (const [key, value] of Object.entries(result))
    Object.defineProperty(error, key, { value, enumerable: true, configurable: true });
  return error as unknown as RunError;
}

function codeOf(result: Result): Code {
  return result.startFailure === null ? 'COMMAND_FAILED' : 'KERNEL';
}

/** The exit status that stands for a result on a command line: 128 + n after a signal. */
export function exitStatus(result: Result, signals: Readonly<Record<string, number>>): number {
  if (result.exitCode !== null) return result.exitCode;
  return result.signal === null ? CODES.KERNEL.exit : 128 + (signals[result.signal] ?? 0);
}

/** The step that the kernel refused, behind the error of a start; `null` where it was not the kernel. */
export function startFailure(error: unknown): StartFailure | null {
  const refusal = error instanceof KernelError ? error : (error as { cause?: unknown }).cause;
  if (!(refusal instanceof KernelError)) return null;
  const { step, syscall, errno } = refusal;
  return { step, syscall, errno, errname: errnoName(errno) };
}

/** What landward's own error says, behind a result that is not thrown. */
export function refusalOf(error: unknown): Result['refusal'] {
  return error instanceof LandwardError ? { code: error.code, message: error.message } : null;
}
