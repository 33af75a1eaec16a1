/**
 * Single system calls and whole images with errors instead of errnos. Owns the turn from `-errno` to `KernelError`,
 * and nothing about what a call means.
 */

import { bug, KernelError } from '../errors.ts';
import { errnoName } from '../uapi/errno.ts';
import { type Arch, type SyscallName, syscallNumber } from '../uapi/syscalls.ts';
import type { Image } from './image.ts';
import { type Applied, native, type Spawned, type SysArg, type ThreadApplied } from './native.ts';

/** The architecture of this process. */
export const ARCH: Arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/** One system call in this thread: the result, or `-errno`. */
export function attempt(name: SyscallName, ...args: readonly SysArg[]): number {
  const number = syscallNumber(ARCH, name);
  if (number === undefined) bug(`${name} is no system call of ${ARCH}`);
  return native().sys(number, ...(args as SysArg[]));
}

/**
 * One system call in this thread.
 *
 * @param step what the call is for, as a phrase that begins a message: `open /usr`
 * @returns the result, never negative
 * @throws {KernelError} when the kernel refuses
 */
export function call(step: string, name: SyscallName, ...args: readonly SysArg[]): number {
  const result = attempt(name, ...args);
  if (result < 0) throw refusal(step, name, -result);
  return result;
}

/** The error that a refusal becomes. */
export function refusal(step: string, syscall: string, errno: number): KernelError {
  return new KernelError({ syscall, errno, errname: errnoName(errno), step });
}

/**
 * Applies an image to this thread.
 *
 * @throws {KernelError} naming the step that failed; the steps before it have taken effect
 */
export function applyImage(image: Image): void {
  const applied = native().apply(image.bytes);
  if (applied.errno !== 0) throw failedStep(image, applied);
}

/**
 * Starts a process whose last step is execve.
 *
 * @throws {KernelError} naming the step that failed (`clone` where none was reached); there is no process then
 */
export function spawnImage(image: Image): Spawned {
  const spawned = native().spawn(image.bytes);
  if (spawned.errno !== 0) throw failedStep(image, spawned, 'clone');
  return spawned;
}

/**
 * Applies an image on every thread of this process, all or none as far as the kernel's answers are the same.
 * Results are returned, not thrown: only the caller knows what half a result means.
 *
 * @param timeoutMs how long threads may take to stop
 */
export function applyImageToThreads(image: Image, timeoutMs: number): readonly ThreadApplied[] {
  return native().applyThreads(image.bytes, timeoutMs);
}

/** The error for an image that ended early. */
export function failedStep(image: Image, applied: Applied, before = 'apply'): KernelError {
  const step = image.steps[applied.step];
  if (step === undefined) return refusal(`start`, before, applied.errno);
  return refusal(step.what, step.call, applied.errno);
}
