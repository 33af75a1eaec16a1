/**
 * Processes by pidfd: a number that cannot come to mean another process. Waiting, signals, limits, no_new_privs.
 * Owns no policy of when to do any of it.
 */

import { ERRNO } from '../uapi/errno.ts';
import { PR } from '../uapi/prctl.ts';
import { RLIMIT64 } from '../uapi/structs.ts';
import { attempt, call, refusal } from './call.ts';
import { Fd } from './fd.ts';
import { native } from './native.ts';

const P_PIDFD = 3;
const WNOHANG = 1;
const WEXITED = 4;
const CLD_EXITED = 1;
const SIGINFO_BYTES = 128;
const RUSAGE_BYTES = 144;

/** How a process ended, and what it used. */
export interface Ended {
  /** The exit status, or `null` after a signal. */
  readonly code: number | null;
  /** The number of the signal that ended it, or `null`. */
  readonly signal: number | null;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** The largest resident memory, bytes. */
  readonly maxRssBytes: number;
}

/**
 * Takes the exit of a child, which frees its process id.
 *
 * @param options `block` waits for the exit; otherwise a child that still runs gives `null`
 * @returns how it ended, or `null`
 * @throws {KernelError} ECHILD where it is no child of this process or somebody else has taken its exit
 */
export function waitPidfd(pidfd: number, options: { readonly block?: boolean } = {}): Ended | null {
  const info = new DataView(new ArrayBuffer(SIGINFO_BYTES));
  const usage = new DataView(new ArrayBuffer(RUSAGE_BYTES));
  const flags = WEXITED | (options.block === true ? 0 : WNOHANG);
  let result: number;
  do result = attempt('waitid', P_PIDFD, pidfd, info, flags, usage);
  while (result === -ERRNO.EINTR);
  if (result < 0) throw refusal('wait for the process', 'waitid', -result);
  if (info.getInt32(0, true) === 0) return null;
  const status = info.getInt32(24, true);
  const exited = info.getInt32(8, true) === CLD_EXITED;
  return {
    code: exited ? status : null,
    signal: exited ? null : status,
    userSeconds: seconds(usage, 0),
    systemSeconds: seconds(usage, 16),
    maxRssBytes: Number(usage.getBigInt64(32, true)) * 1024,
  };
}

function seconds(usage: DataView, offset: number): number {
  return Number(usage.getBigInt64(offset, true)) + Number(usage.getBigInt64(offset + 8, true)) / 1e6;
}

/** Calls back once, on the event loop of this thread, when a process has ended. Ending the watch twice is harmless. */
export function watchPidfd(pidfd: number, ended: () => void): { ref(ref: boolean): void; stop(): void } {
  const handle = native().watch(pidfd, ended);
  return {
    ref: (ref) => native().watchRef(handle, ref),
    stop: () => native().unwatch(handle),
  };
}

/**
 * Opens a process. Sound only for an own child whose exit has not been taken: any other number may already mean
 * another process.
 */
export function openPidfd(pid: number): Fd {
  const pidfd = attempt('pidfd_open', pid, 0);
  if (pidfd === -ERRNO.ESRCH)
    throw refusal(`open process ${pid}, which is not there`, 'pidfd_open', ERRNO.ESRCH);
  return new Fd(pidfd < 0 ? call('open the process', 'pidfd_open', pid, 0) : pidfd);
}

/**
 * Sends a signal to exactly the process that the pidfd means.
 *
 * @returns whether it still existed
 */
export function signalPidfd(pidfd: number, signal: number): boolean {
  const result = attempt('pidfd_send_signal', pidfd, signal, null, 0);
  if (result < 0 && result !== -ERRNO.ESRCH)
    throw refusal('signal the process', 'pidfd_send_signal', -result);
  return result === 0;
}

/** A resource limit; `2n ** 64n - 1n` is none. */
export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/**
 * Reads a resource limit of a process, 0 for this one.
 *
 * @param resource a number of `RLIMIT`
 */
export function readLimit(resource: number, pid = 0): Limit {
  const bytes = new Uint8Array(RLIMIT64.size);
  call('read the limit', 'prlimit64', pid, resource, null, bytes);
  const { rlim_cur, rlim_max } = RLIMIT64.decode(bytes);
  return { soft: rlim_cur, hard: rlim_max };
}

/** Sets no_new_privs on the calling thread: execve can't raise privileges any more. */
export function setNoNewPrivs(): void {
  call('set no_new_privs', 'prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/** Whether the calling thread has no_new_privs. */
export function hasNoNewPrivs(): boolean {
  return call('read no_new_privs', 'prctl', PR.GET_NO_NEW_PRIVS, 0, 0, 0, 0) === 1;
}
