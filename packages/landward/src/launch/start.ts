/**
 * One confined start: a prepared plan, a command and three descriptors in, a process (or the step that failed) out.
 *
 * The process is the caller's to wait for. Owns no stream and no timer.
 */

import { ARCH, spawnImage } from '../kernel/call.ts';
import type { Spawned } from '../kernel/native.ts';
import type { Patience } from '../supervisor/messages.ts';
import { findCommand } from './command.ts';
import type { Deciding } from './deciding.ts';
import { checkKeptDescriptors } from './descriptors.ts';
import { programEnvironment } from './environment.ts';
import { hardLimits } from './exec.ts';
import type { Limit } from './limits.ts';
import type { Prepared } from './prepare.ts';
import { refusedStart } from './refused.ts';
import { type Start, startImage } from './steps.ts';
import type { Environment } from './variables.ts';

export interface StartOptions {
  readonly cwd?: string | undefined;
  readonly env?: Environment | undefined;
  readonly argv0?: string | undefined;
  readonly stdio: readonly [number, number, number];
  readonly group: boolean;
  readonly cgroupProcs?: number | undefined;
  readonly parentDeathSignal?: number;
  readonly openFiles?: Limit | undefined;
  /** Where functions come from that decide on what the rules allow: the policy, and the options of the start. */
  readonly deciding?: Deciding | undefined;
  /** How long calls wait for those functions. */
  readonly patience?: Patience | undefined;
  /** Whether kept descriptors must come from whoever started this process. */
  readonly handedOn?: boolean;
}

/** A process that runs. `pidfd` is owned by the caller. */
export interface Started {
  readonly pid: number;
  readonly pidfd: number;
  readonly file: string;
}

/**
 * Starts a program.
 *
 * @throws LandwardError COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE, or KernelError with the step that was refused;
 * then no process is left
 */
export function start(
  command: string,
  args: readonly string[],
  prepared: Prepared,
  options: StartOptions,
): Started {
  const { file, layout } = laidOut(command, args, prepared, options);
  const image = startImage({ ...layout, parent: process.pid });
  let spawned: Spawned;
  try {
    spawned = spawnImage(image);
  } catch (error) {
    throw refusedStart(error, file);
  }
  return { pid: spawned.pid, pidfd: spawned.pidfd, file };
}

/**
 * What every start has in common: the file that the command means, and the layout of its image.
 *
 * @throws LandwardError COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE, or USAGE for a descriptor that cannot be kept
 */
export function laidOut(
  command: string,
  args: readonly string[],
  { plan, ruleset }: Prepared,
  options: StartOptions,
): { readonly file: string; readonly layout: Start } {
  checkKeptDescriptors(plan.keepFds, options.handedOn ?? false);
  const environment = options.env ?? process.env;
  const file = findCommand(command, environment.PATH, options.cwd ?? process.cwd());
  const layout = {
    ...options,
    arch: ARCH,
    plan,
    ruleset,
    file,
    argv: [options.argv0 ?? command, ...args],
    env: programEnvironment(plan.env, environment),
    keepFds: plan.keepFds,
    hardLimits: hardLimits(plan),
  };
  return { file, layout };
}
