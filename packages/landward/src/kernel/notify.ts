/**
 * Answers to notified calls: one ioctl each, on memory that is used again. Owns the layouts and nothing of when to
 * answer what.
 *
 * Every function returns 0 or more, or `-errno`: ENOENT where nobody waits for the answer any more (the target has died).
 */

import { O } from '../uapi/open.ts';
import {
  SECCOMP_ADDFD_FLAG,
  SECCOMP_IOCTL_NOTIF,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
} from '../uapi/seccomp.ts';
import { SECCOMP_NOTIF_ADDFD, SECCOMP_NOTIF_RESP } from '../uapi/structs.ts';
import { ARCH, attempt } from './call.ts';

const response = new DataView(new ArrayBuffer(SECCOMP_NOTIF_RESP.size));
const addition = new DataView(new ArrayBuffer(SECCOMP_NOTIF_ADDFD.size));
const identifier = new BigUint64Array(1);

function send(listener: number, id: bigint, value: bigint, error: number, flags: number): number {
  const fields = SECCOMP_NOTIF_RESP.fields;
  response.setBigUint64(fields.id[0], id, true);
  response.setBigInt64(fields.val[0], value, true);
  response.setInt32(fields.error[0], error, true);
  response.setUint32(fields.flags[0], flags, true);
  return attempt('ioctl', listener, SECCOMP_IOCTL_NOTIF.SEND, response);
}

/** The call fails with an errno (positive). */
export function sendErrno(listener: number, id: bigint, errno: number): number {
  return send(listener, id, 0n, -errno, 0);
}

/** The call returns a value. */
export function sendValue(listener: number, id: bigint, value: number): number {
  return send(listener, id, BigInt(value), 0, 0);
}

/** The kernel runs the call, with whatever its memory holds by then. */
export function sendContinue(listener: number, id: bigint): number {
  return send(listener, id, 0n, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

/**
 * Puts a descriptor of this process into the target and, with `send`, lets the call return its number, in one step.
 *
 * @param options `at` gives the number that it gets there
 * @returns the descriptor's number in the target
 */
export function addFd(
  listener: number,
  id: bigint,
  fd: number,
  options: { readonly cloexec?: boolean; readonly send?: boolean; readonly at?: number } = {},
): number {
  const fields = SECCOMP_NOTIF_ADDFD.fields;
  const flags =
    (options.send === true ? SECCOMP_ADDFD_FLAG.SEND : 0) |
    (options.at === undefined ? 0 : SECCOMP_ADDFD_FLAG.SETFD);
  addition.setBigUint64(fields.id[0], id, true);
  addition.setUint32(fields.flags[0], flags, true);
  addition.setUint32(fields.srcfd[0], fd, true);
  addition.setUint32(fields.newfd[0], options.at ?? 0, true);
  addition.setUint32(fields.newfd_flags[0], options.cloexec === true ? O[ARCH].CLOEXEC : 0, true);
  return attempt('ioctl', listener, SECCOMP_IOCTL_NOTIF.ADDFD, addition);
}

/** Whether the target still waits: what was read of it before was its own, and not a successor's of the same number. */
export function isPending(listener: number, id: bigint): boolean {
  identifier[0] = id;
  return attempt('ioctl', listener, SECCOMP_IOCTL_NOTIF.ID_VALID, identifier) === 0;
}
