/**
 * Messages as `sendmsg` takes them, copied once out of the target: header, address, places of the data, control.
 *
 * Owns the layout and the kernel's order of complaints. The data itself is read when it is sent.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { IOVEC, MSGHDR } from '../../uapi/structs.ts';
import { type Call, refuse } from '../call.ts';

const ADDRESS_MAX = 128;
const IOV_MAX = 1024;
/** What one call moves at most. */
const TOTAL_MAX = 0x7fff_f000;
/** More control data than any message has; the kernel has a limit of about this size. */
const CONTROL_MAX = 128 * 1024;

/** A stretch of the target's memory. */
export interface Part {
  readonly address: number;
  readonly length: number;
}

/** A message to send. */
export interface Message {
  /** As given; empty where there is none. */
  readonly address: Uint8Array;
  readonly parts: readonly Part[];
  readonly control: Uint8Array;
}

/**
 * Copies a message header and what it points to.
 *
 * @param pointer where the `struct msghdr` is
 * @throws {Refused} EFAULT, EINVAL, EMSGSIZE, ENOBUFS
 */
export function readMessage(call: Call, pointer: number): Message {
  const header = MSGHDR.decode(call.target.read(pointer, MSGHDR.size));
  const named = header.msg_name !== 0n;
  if (named && header.msg_namelen < 0) refuse(ERRNO.EINVAL);
  const size = named ? Math.min(header.msg_namelen, ADDRESS_MAX) : 0;
  const address = size === 0 ? new Uint8Array() : call.target.read(Number(header.msg_name), size);
  if (header.msg_iovlen > IOV_MAX) refuse(ERRNO.EMSGSIZE);
  const parts = readParts(call, Number(header.msg_iov), Number(header.msg_iovlen));
  const controlled = header.msg_controllen;
  if (controlled > CONTROL_MAX) refuse(ERRNO.ENOBUFS);
  const control =
    controlled === 0n ? new Uint8Array() : call.target.read(Number(header.msg_control), Number(controlled));
  return { address, parts, control };
}

/** Copies an array of `struct iovec`; what is beyond the most that one call moves is left out. */
export function readParts(call: Call, pointer: number, count: number): readonly Part[] {
  const bytes = count === 0 ? new Uint8Array() : call.target.read(pointer, count * IOVEC.size);
  const parts: Part[] = [];
  let total = 0;
  for (let at = 0; at < bytes.length; at += IOVEC.size) {
    const { iov_base, iov_len } = IOVEC.decode(bytes.subarray(at, at + IOVEC.size));
    if (iov_len >> 63n !== 0n) refuse(ERRNO.EINVAL);
    const length = Number(iov_len > BigInt(TOTAL_MAX - total) ? BigInt(TOTAL_MAX - total) : iov_len);
    if (length > 0) parts.push({ address: Number(iov_base), length });
    total += length;
  }
  return parts;
}

/** How many bytes the parts have. */
export function lengthOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Copies data.
 *
 * @param from how many bytes of the parts to pass over
 * @param most how many to copy at most
 * @throws {Refused} EFAULT
 */
export function readData(call: Call, parts: readonly Part[], from: number, most: number): Uint8Array {
  const data = new Uint8Array(Math.min(most, Math.max(0, lengthOf(parts) - from)));
  let skip = from;
  let filled = 0;
  for (const { address, length } of parts) {
    if (filled === data.length) break;
    if (skip >= length) {
      skip -= length;
      continue;
    }
    const count = Math.min(length - skip, data.length - filled);
    data.set(call.target.read(address + skip, count), filled);
    filled += count;
    skip = 0;
  }
  return data;
}
