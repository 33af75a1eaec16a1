/**
 * The start of a target from the deciding thread: a child of this thread's domain, which tells its listener before it
 * executes anything and waits until that is taken.
 *
 * Owns the hand-over. What the child does until then is laid out in its image.
 */

import { attempt } from '../kernel/call.ts';
import { native } from '../kernel/native.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { StartOrder } from './messages.ts';

/** A child that waits, with the descriptors that it has told of. */
export interface Waiting {
  readonly pid: number;
  readonly pidfd: number;
  readonly listener: number;
  /** Lets the child execute its program. */
  go(): void;
}

export interface NotStarted {
  readonly step: number;
  readonly errno: number;
}

/** Two words: the pid and the listener's number in the child. */
const TOLD_BYTES = 8;

/** Starts a child. Closes the pipes of the order, except what `go` needs. */
export function startWaiting({ image, handOver: { told, go } }: StartOrder): Waiting | NotStarted {
  const spawned = native().spawn(image);
  attempt('close', told.write);
  attempt('close', go.read);
  const words = new Int32Array(2);
  const count = attempt('read', told.read, words, TOLD_BYTES);
  attempt('close', told.read);
  if (count !== TOLD_BYTES) {
    attempt('close', go.write);
    return { step: spawned.step, errno: spawned.errno };
  }
  const [pid, number] = [words[0]!, words[1]!];
  const pidfd = attempt('pidfd_open', pid, 0);
  const listener = attempt('pidfd_getfd', pidfd, number, 0);
  if (pidfd < 0 || listener < 0) {
    attempt('close', go.write);
    if (pidfd >= 0) attempt('close', pidfd);
    return { step: -1, errno: pidfd < 0 ? -pidfd : listener < 0 ? -listener : ERRNO.EIO };
  }
  return {
    pid,
    pidfd,
    listener,
    go() {
      attempt('write', go.write, new Int32Array([0]), 4);
      attempt('close', go.write);
    },
  };
}
