/**
 * Becoming a command: this process restricts itself and executes the program. No parent stays, so signals, terminal,
 * job control and exit status are the program's own.
 *
 * Refuses plans that need a process that stays. Touches no stream object: descriptors are handed on as they are.
 */

import { bug, type LandwardError } from '../errors.ts';
import { ARCH, attempt, failedStep } from '../kernel/call.ts';
import { native } from '../kernel/native.ts';
import { readLimit } from '../kernel/process.ts';
import type { Plan } from '../policy/plan.ts';
import { RLIM_INFINITY, RLIMIT } from '../uapi/resource.ts';
import { refuseStaying } from './alone.ts';
import { findCommand } from './command.ts';
import { checkKeptDescriptors } from './descriptors.ts';
import { diagnose } from './diagnostics.ts';
import { programEnvironment } from './environment.ts';
import { softOpenFilesBefore } from './limits.ts';
import { printError } from './output.ts';
import { type Prepared, prepare } from './prepare.ts';
import { refusedStart } from './refused.ts';
import { CONFINING, startImage } from './steps.ts';
import type { Environment } from './variables.ts';

export interface ExecOptions {
  /** The plan to hold, or a prepared one. */
  readonly plan: Plan | Prepared;
  /** The directory that the program starts in; this process's own when absent. */
  readonly cwd?: string;
  /** The variables that the policy picks from; this process's own when absent. */
  readonly env?: Environment;
  /** The program's name for itself (argv[0]); the command when absent. */
  readonly argv0?: string;
}

/**
 * Becomes a command under a plan. Throws only while nothing is restricted; where the kernel refuses a later step (`execve`
 * above all), the process says so and ends with 125, 126 or 127.
 *
 * @param command a name to search in PATH, or a path
 * @param args its arguments, without the name
 * @throws LandwardError UNSUPPORTED for a plan that needs a parent, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, KERNEL
 * @example
 * exec('make', ['test'], { plan: await compile('landward.toml') });
 */
export function exec(command: string, args: readonly string[], options: ExecOptions): never {
  const prepared = isPrepared(options.plan) ? options.plan : undefined;
  const plan = prepared?.plan ?? (options.plan as Plan);
  refuseStaying(plan, 'become the command', 'Use spawn, which stays, or take the limit out of the policy');
  const environment = options.env ?? process.env;
  checkKeptDescriptors(plan.keepFds, true);
  const file = findCommand(command, environment.PATH, options.cwd ?? process.cwd());
  const { ruleset } = prepared ?? prepare(plan);
  const image = startImage({
    arch: ARCH,
    plan,
    ruleset,
    file,
    argv: [options.argv0 ?? command, ...args],
    env: programEnvironment(plan.env, environment),
    cwd: options.cwd,
    stdio: [0, 1, 2],
    keepFds: plan.keepFds,
    hardLimits: hardLimits(plan),
    openFiles: openFilesBefore(),
    resetSignals: true,
  });
  const applied = native().apply(image.bytes);
  const error = refusedStart(failedStep(image, applied), file) as LandwardError;
  if (applied.step >= 0 && image.steps.slice(0, applied.step).some(({ what }) => what === CONFINING))
    end(error);
  throw error;
}

/**
 * Ends a process that is restricted and did not become the command. There is no way back: the event loop of Node would
 * enter its ring, which the filter refuses, and abort.
 */
function end(error: LandwardError): never {
  printError(diagnose(error));
  attempt('exit_group', error.exitCode);
  return bug('exit_group returned');
}

/** Whether a value is a prepared plan. */
export function isPrepared(plan: Plan | Prepared): plan is Prepared {
  return Symbol.dispose in plan;
}

/** The hard limits of this process for what a plan limits: a limit can only go down. */
export function hardLimits(plan: Plan): ReadonlyMap<number, bigint | null> {
  return new Map(
    plan.limits.rlimits.map(({ resource }) => {
      const { hard } = readLimit(resource);
      return [resource, hard === RLIM_INFINITY ? null : hard];
    }),
  );
}

/** The limit on open files that this process had before Node raised it. */
export function openFilesBefore() {
  const soft = softOpenFilesBefore();
  if (soft === undefined) return undefined;
  const { hard } = readLimit(RLIMIT.NOFILE);
  return { soft, hard: hard === RLIM_INFINITY ? null : hard };
}
