/** Descriptors of processes that the target holds: a duplicate, and the process that it means. */

import { ERRNO } from '../../uapi/errno.ts';
import { type Call, refuse } from '../call.ts';
import { readProc } from '../target/proc.ts';

/** A pidfd of the target. */
export interface HeldPidfd {
  /** A duplicate, owned by the call. */
  readonly fd: number;
  /** The process or thread, in our numbering; `null` where it is gone or cannot be seen from here. */
  readonly pid: number | null;
}

/** A descriptor of the target that has to be a pidfd. @throws {Refused} EBADF */
export function pidfdOf(call: Call, number: number): HeldPidfd {
  return heldPidfd(call, number) ?? refuse(ERRNO.EBADF);
}

/** The same; `null` where it is something else. @throws {Refused} EBADF where it is closed */
export function heldPidfd(call: Call, number: number): HeldPidfd | null {
  const fd = call.target.fd(number);
  const bytes = readProc(`/proc/thread-self/fdinfo/${fd}`, 1024);
  const text = bytes === null ? '' : Buffer.from(bytes).toString('latin1');
  const pid = /^Pid:\s+(-?\d+)$/m.exec(text);
  if (pid === null) return null;
  return { fd, pid: Number(pid[1]) > 0 ? Number(pid[1]) : null };
}
