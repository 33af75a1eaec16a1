/**
 * The descriptor on which the kernel tells of calls: receiving, answering, putting descriptors into a target. Everything
 * returns `-errno`, because a target may die at any moment and that is no error here.
 */

import { attempt } from '../kernel/call.ts';
import { ERRNO } from '../uapi/errno.ts';
import {
  SECCOMP_ADDFD_FLAG,
  SECCOMP_IOCTL_NOTIF,
  SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
} from '../uapi/seccomp.ts';
import { SECCOMP_NOTIF, SECCOMP_NOTIF_ADDFD, SECCOMP_NOTIF_RESP } from '../uapi/structs.ts';

/** Words of a notification, in units of 32 bits. */
export const WORD = { id: 0, tid: 2, nr: 4, args: 8, count: SECCOMP_NOTIF.size / 4 } as const;

/** One end of a listener: its buffers, reused for every call of it. */
export class Notifications {
  readonly listener: number;
  /** The last notification, by `WORD`. */
  readonly words = new Uint32Array(WORD.count);
  readonly #ids = new BigUint64Array(this.words.buffer, 0, 1);
  readonly #answer = new DataView(new ArrayBuffer(SECCOMP_NOTIF_RESP.size));
  readonly #addfd = new DataView(new ArrayBuffer(SECCOMP_NOTIF_ADDFD.size));
  readonly #valid = new BigUint64Array(1);

  constructor(listener: number) {
    this.listener = listener;
    // Newer kernels wake the target on the same processor; older ones refuse, which costs nothing but time.
    attempt('ioctl', listener, SECCOMP_IOCTL_NOTIF.SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  }

  get id(): bigint {
    return this.#ids[0]!;
  }

  /** Takes the next call, waiting for one. ENOENT: the target died in between. */
  receive(): number {
    // The kernel refuses a buffer that is not zero.
    this.words.fill(0);
    return attempt('ioctl', this.listener, SECCOMP_IOCTL_NOTIF.RECV, this.words);
  }

  /** Ends a call with a result, or an error (positive errno). */
  answer(id: bigint, value: number, errno: number): number {
    const view = this.#answer;
    view.setBigUint64(0, id, true);
    view.setBigInt64(8, errno === 0 ? BigInt(value) : 0n, true);
    view.setInt32(16, -errno, true);
    view.setUint32(20, 0, true);
    return attempt('ioctl', this.listener, SECCOMP_IOCTL_NOTIF.SEND, view);
  }

  /** Lets the kernel run a call. */
  proceed(id: bigint): number {
    const view = this.#answer;
    view.setBigUint64(0, id, true);
    view.setBigInt64(8, 0n, true);
    view.setInt32(16, 0, true);
    view.setUint32(20, SECCOMP_USER_NOTIF_FLAG_CONTINUE, true);
    return attempt('ioctl', this.listener, SECCOMP_IOCTL_NOTIF.SEND, view);
  }

  /** Puts a descriptor into the target and ends the call with its number there; EMFILE and the like are the target's. */
  answerFd(id: bigint, fd: number, flags: number): number {
    const view = this.#addfd;
    view.setBigUint64(0, id, true);
    view.setUint32(8, SECCOMP_ADDFD_FLAG.SEND, true);
    view.setUint32(12, fd, true);
    view.setUint32(16, 0, true);
    view.setUint32(20, flags, true);
    const result = attempt('ioctl', this.listener, SECCOMP_IOCTL_NOTIF.ADDFD, view);
    return result >= 0 || result === -ERRNO.ENOENT ? result : this.answer(id, 0, -result);
  }

  /** Whether a call still waits. */
  isPending(id: bigint): boolean {
    this.#valid[0] = id;
    return attempt('ioctl', this.listener, SECCOMP_IOCTL_NOTIF.ID_VALID, this.#valid) === 0;
  }
}
