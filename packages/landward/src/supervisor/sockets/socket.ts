/**
 * A socket of the target as handlers hold it: a duplicate that nobody can swap, and what the kernel says it is.
 *
 * Owns the looking. What may be done with it is asked elsewhere; the open file itself stays shared with the target, so
 * whatever is done to the duplicate is done to the target's socket.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import type { InetSocket } from '../../model/landlock/world.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { F, O } from '../../uapi/open.ts';
import { AF, IPPROTO, SO, SOCK, SOL_SOCKET } from '../../uapi/socket.ts';
import { type Call, must, refuse } from '../call.ts';

const value = new DataView(new ArrayBuffer(16));
const length = new Uint32Array(1);
const local = new Uint8Array(128);

/** A socket, by a duplicate that the call owns. */
export interface HeldSocket {
  readonly fd: number;
  /** The descriptor by which the target uses it. */
  readonly number: number;
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
}

/** A descriptor of the target that has to be a socket. @throws {Refused} EBADF, ENOTSOCK */
export function socketOf(call: Call, number: number): HeldSocket {
  return lookAt(call.target.fd(number), number);
}

/** What a duplicate is. @throws {Refused} ENOTSOCK */
export function lookAt(fd: number, number: number): HeldSocket {
  const domain = must(option(fd, SO.DOMAIN));
  return { fd, number, domain, type: must(option(fd, SO.TYPE)), protocol: must(option(fd, SO.PROTOCOL)) };
}

/** An option of `SOL_SOCKET` that is an int, or `-errno`. */
export function option(fd: number, name: number): number {
  length[0] = 4;
  const result = attempt('getsockopt', fd, SOL_SOCKET, name, value, length);
  return result < 0 ? result : value.getInt32(0, true);
}

/** The kernel's number of the socket, which no other socket ever gets; `null` where the kernel gives none. */
export function cookieOf(fd: number): bigint | null {
  length[0] = 8;
  const result = attempt('getsockopt', fd, SOL_SOCKET, SO.COOKIE, value, length);
  return result < 0 ? null : value.getBigUint64(0, true);
}

/** How long a send or connect may wait, milliseconds; `null` for as long as it takes. */
export function sendTimeout(fd: number): number | null {
  return timeout(fd, SO.SNDTIMEO);
}

/** How long a receive or accept may wait, milliseconds; `null` for as long as it takes. */
export function receiveTimeout(fd: number): number | null {
  return timeout(fd, SO.RCVTIMEO);
}

function timeout(fd: number, name: number): number | null {
  length[0] = 16;
  if (attempt('getsockopt', fd, SOL_SOCKET, name, value, length) < 0) return null;
  const milliseconds = Number(value.getBigInt64(0, true)) * 1000 + Number(value.getBigInt64(8, true)) / 1000;
  return milliseconds === 0 ? null : milliseconds;
}

/** Whether calls on the socket wait. */
export function isBlocking(fd: number): boolean {
  return (must(attempt('fcntl', fd, F.GETFL, 0)) & O[ARCH].NONBLOCK) === 0;
}

/** Runs an act that must not wait; other users of the open file see the change only for that time. */
export function withoutWaiting<T>(fd: number, act: () => T): T {
  const flags = must(attempt('fcntl', fd, F.GETFL, 0));
  if (flags & O[ARCH].NONBLOCK) return act();
  must(attempt('fcntl', fd, F.SETFL, flags | O[ARCH].NONBLOCK));
  try {
    return act();
  } finally {
    attempt('fcntl', fd, F.SETFL, flags);
  }
}

/** The address that a socket is bound to, as bytes; empty where it cannot be told. */
export function localAddress(fd: number): Uint8Array {
  length[0] = local.length;
  return attempt('getsockname', fd, local, length) < 0 ? new Uint8Array() : local.slice(0, length[0]);
}

/** Whether a socket speaks IP. SMC is TCP with another way of moving the data. */
export function isInet({ domain }: HeldSocket): boolean {
  return domain === AF.INET || domain === AF.INET6 || domain === AF.SMC;
}

/** The socket as the model of Landlock knows it. */
export function modelSocket({ fd, domain, type, protocol }: HeldSocket): InetSocket {
  const address = localAddress(fd);
  return {
    family: domain === AF.INET6 ? 'inet6' : 'inet',
    type: type === SOCK.STREAM ? 'stream' : type === SOCK.DGRAM ? 'dgram' : 'other',
    protocol: domain === AF.SMC ? IPPROTO.SMC : protocol,
    bound: address.length >= 4 && (address[2] !== 0 || address[3] !== 0),
  };
}

const ADDRESS_MAX = 128;

/**
 * Copies a socket address out of the target.
 *
 * @throws {Refused} EINVAL for a length that is none, EFAULT
 */
export function readAddress(call: Call, pointer: number, size: number): Uint8Array {
  if (size < 0 || size > ADDRESS_MAX) refuse(ERRNO.EINVAL);
  return size === 0 ? new Uint8Array() : call.target.read(pointer, size);
}
