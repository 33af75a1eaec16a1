/**
 * Sockets whose last close waits until their data has arrived (`SO_LINGER`).
 *
 * Owns the looking and the turning off. Who closes them where is the caller's.
 */

import { SOL_SOCKET } from '../uapi/socket.ts';
import { attempt } from './call.ts';

const SO_LINGER = 13;
const BYTES = 8;
const linger = new Int32Array(2);
const length = new Uint32Array(1);

/** Whether the last close of a descriptor may wait: it is a socket that lingers. */
export function lingers(fd: number): boolean {
  length[0] = BYTES;
  return (
    attempt('getsockopt', fd, SOL_SOCKET, SO_LINGER, linger, length) === 0 &&
    linger[0] !== 0 &&
    linger[1]! > 0
  );
}

/** Lets the kernel send the rest of the data by itself. */
export function lingerNoMore(fd: number): void {
  attempt('setsockopt', fd, SOL_SOCKET, SO_LINGER, new Int32Array(2), BYTES);
}
