/**
 * The addon as TypeScript sees it. Thin and generic: raw system calls, one routine that applies an image of steps,
 * the places where it is applied, and a watch on a pidfd. No policy, no defaults, no messages.
 *
 * Every function returns a non-negative result or `-errno` and never throws for a refusal by the kernel;
 * a wrong type of argument is a `TypeError`, because it is a defect of the caller.
 *
 * An *image* (see `image.ts`, which builds it) is one flat buffer: a header, an array of steps, relocations and data.
 * A step is one system call: its number, six arguments (each a number, the address of a place in the image, or a
 * result of an earlier step), where to store the result, and an errno that counts as success. Applying an image runs
 * the steps in order and stops at the first that fails. The last step may be `execve`.
 */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bug, LandwardError } from '../errors.ts';

/** What a system call takes: a number, a 64-bit number, or memory (the kernel gets the address of its first byte). */
export type SysArg = number | bigint | NodeJS.TypedArray | DataView | null;

/** How applying an image ended: `step` is the index of the failed step (-1 when all ran), `errno` its error (0 when all ran). */
export interface Applied {
  readonly step: number;
  readonly errno: number;
}

/** A started process. `step`/`errno` tell of an image that failed before `execve`; then there is no process (already reaped). */
export interface Spawned extends Applied {
  readonly pid: number;
  /** Close-on-exec descriptor of the process, owned by the caller; -1 when the start failed. */
  readonly pidfd: number;
}

/** What one thread made of an image. */
export interface ThreadApplied extends Applied {
  readonly tid: number;
}

export interface Native {
  /** One raw system call in the calling thread. */
  sys(nr: number, a0?: SysArg, a1?: SysArg, a2?: SysArg, a3?: SysArg, a4?: SysArg, a5?: SysArg): number;
  /** Applies an image to the calling thread. Does not return when the last step is a successful `execve`. */
  apply(image: Uint8Array): Applied;
  /**
   * Starts a process with a vfork-like clone: all signals blocked in between, dispositions and mask reset in the child,
   * then the image applied there. The cost does not depend on the size of this process.
   */
  spawn(image: Uint8Array): Spawned;
  /**
   * Applies an image on every thread of this process by a signal to each (the one that libcs keep from being
   * blocked), the caller included, until no thread is left that has not run it. All results are returned;
   * a thread that did not answer within `timeoutMs` has errno 110.
   */
  applyThreads(image: Uint8Array, timeoutMs: number): readonly ThreadApplied[];
  /** Calls back once, on the event loop of the calling thread, when the pidfd becomes readable. Returns an opaque handle. */
  watch(pidfd: number, callback: () => void): object;
  /** Ends a watch early, or lets the loop end while it is pending (`ref` false). */
  watchRef(handle: object, ref: boolean): void;
  unwatch(handle: object): void;
  /**
   * Copies memory of a thread's process up to the first page that cannot be read: the number of bytes, `-EFAULT` when there
   * are none. `length` bytes of `to` at most.
   */
  readMemory(tid: number, address: number | bigint, to: Uint8Array, length: number): number;
  /** Copies up to a NUL and returns the bytes before it; `-EFAULT` at a hole, `-ENAMETOOLONG` without a NUL in `length` bytes. */
  readString(tid: number, address: number | bigint, to: Uint8Array, length: number): number;
  /** Copies into memory that the process itself could write, up to the first page that it could not. */
  writeMemory(tid: number, address: number | bigint, from: Uint8Array, length: number): number;
  /**
   * Makes an inbox (see `inbox.ts`): a receiver and a pool of at most `threads` threads, which inherit from the calling
   * thread. `wake` is an eventfd, of which a duplicate is kept.
   */
  inboxOpen(entries: number, threads: number, wake: number): object | number;
  inboxAdd(inbox: object, listener: number, key: number): number;
  /** Copies waiting entries to `to`, after waiting for the first one; their number. */
  inboxNext(inbox: object, to: Uint8Array, timeoutMs: number): number;
  /** Queues a copy of an image; the number of the job. `flags` are those of `JOB`. */
  inboxSubmit(inbox: object, image: Uint8Array, flags: number): number;
  inboxPeek(inbox: object, job: number, to: Uint8Array): number;
  inboxForget(inbox: object, job: number): number;
  inboxCancel(inbox: object, job: number): number;
  inboxClose(inbox: object): void;
}

/** The flags of a job, as `native/jobs.h` has them. */
export const JOB = { SPAWN: 1, KEEP: 2, ONCE: 4 } as const;

/** An entry of an inbox, as `native/ring.h` lays it out; a test compares the two. `notification` is a `seccomp_notif`. */
export const ENTRY = {
  kind: 0,
  key: 4,
  notification: 8,
  outcome: { step: 8, error: 12, pid: 16, pidfd: 20, result: 24 },
  error: 8,
  bytes: 96,
  kinds: { notification: 1, hungup: 2, failed: 3, wake: 4, job: 5 },
} as const;

/** Kinds of step arguments, 4 bits each in the step's `kinds` word. */
export const ARG = { NUMBER: 0, ADDRESS: 1, SLOT: 2 } as const;

/** The image layout that `native/apply.h` declares; a test compares the two. All fields are host order. */
export const IMAGE = {
  magic: 0x3157_444c, // "LDW1"
  header: {
    magic: 0,
    version: 4,
    size: 8,
    steps: 12,
    stepCount: 16,
    relocs: 20,
    relocCount: 24,
    reserved: 28,
    base: 32,
    bytes: 40,
  },
  /**
   * `store`: image offset + 1 where the 32-bit result (or `-errno` taken as success) goes, 0 for nowhere.
   * `okErrno`: errno taken as success, 0 for none, `anyErrno` for all.
   */
  step: { nr: 0, kinds: 4, store: 8, okErrno: 12, args: 16, bytes: 64 },
  anyErrno: 0xffff_ffff,
} as const;

/** The directory of the package: the nearest one above this file that has a package.json, in a clone and in a bundle. */
export function packageRoot(): string {
  let directory = import.meta.dirname;
  while (!existsSync(join(directory, 'package.json'))) {
    const above = dirname(directory);
    if (above === directory) bug('the package has no package.json');
    directory = above;
  }
  return directory;
}

/**
 * The path of a native file for an architecture: what this clone has built, else what the package brings.
 *
 * @param file `landward.node`, `launcher` or `guard`
 * @param arch as Node names it
 * @returns the path, or `undefined` where neither exists
 */
export function nativeFile(
  file: 'landward.node' | 'launcher' | 'guard',
  arch: string = process.arch,
): string | undefined {
  const root = packageRoot();
  const places = [join(root, 'native/build', arch, file), join(root, 'prebuilds', `linux-${arch}`, file)];
  return places.find((path) => existsSync(path));
}

let loaded: Native | undefined;

/**
 * The addon, loaded at the first call.
 *
 * @throws {LandwardError} `NATIVE_MISSING` where there is none for this machine, or it cannot be loaded
 */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  const machine = `${process.platform} ${process.arch}`;
  const path = process.platform === 'linux' ? nativeFile('landward.node') : undefined;
  if (path === undefined) {
    throw new LandwardError(
      'NATIVE_MISSING',
      `Landward has no native part for ${machine}: linux x64 and arm64 are supported`,
    );
  }
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (cause) {
    throw new LandwardError('NATIVE_MISSING', `The native part for ${machine} cannot be loaded: ${path}`, {
      part: path,
      cause,
    });
  }
  return module.exports as Native;
}
