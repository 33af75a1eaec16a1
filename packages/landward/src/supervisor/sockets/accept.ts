/**
 * `accept` and `accept4`: performed on a duplicate of the listener, on another thread, so that the connection is
 * known as the caller's own before the caller has it. An accepted socket is made by who accepts it.
 *
 * Owns the calls and what is written about the peer.
 */

import { ARCH } from '../../kernel/call.ts';
import { ImageBuilder, readBytes, readSlot } from '../../kernel/image.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { SOCK_FLAG } from '../../uapi/socket.ts';
import { type Answer, type Call, refuse } from '../call.ts';
import { noteMade } from './made.ts';
import { receiveTimeout, socketOf } from './socket.ts';
import { askUse } from './use-questions.ts';
import { interruption } from './waiting.ts';

const ADDRESS = 128;

/** The peer of a connection, and the connection or `-errno`. */
interface Accepted {
  readonly result: number;
  readonly peer: Uint8Array;
}

/** The call `accept`. */
export function accept(call: Call): Answer {
  return acceptWith(call, 0);
}

/** The call `accept4`. */
export function accept4(call: Call): Answer {
  const flags = call.int(3);
  return flags & ~(SOCK_FLAG.CLOEXEC | SOCK_FLAG.NONBLOCK) ? refuse(ERRNO.EINVAL) : acceptWith(call, flags);
}

function acceptWith(call: Call, flags: number): Answer {
  const socket = socketOf(call, call.int(0));
  askUse(call, socket, 'accept');
  const how = (flags & SOCK_FLAG.NONBLOCK) | SOCK_FLAG.CLOEXEC;
  // On another thread whatever the socket says: who shares it can make it one that waits at any moment.
  return wait(call, socket.fd, how, flags);
}

function wait(call: Call, listener: number, how: number, flags: number): Answer {
  const build = new ImageBuilder(ARCH);
  const slot = build.slot();
  const place = build.reserve(ADDRESS);
  const length = build.reserve(4);
  build.step('accept4', [listener, place, length, how], 'accept4', { store: slot, okErrno: 'any' });
  const image = build.build();
  readBytes(image, length, 4).setUint32(0, ADDRESS, true);
  return call.later({
    image,
    finish: ({ errno }) => {
      const result = errno === 0 ? readSlot(image, slot) : -errno;
      // A connection that was taken is given, or closed with the call.
      if (result >= 0) call.own(result);
      if (result === -ERRNO.EINTR) return interruption(call, receiveTimeout(listener) !== null);
      const size = Math.min(readBytes(image, length, 4).getUint32(0, true), ADDRESS);
      const peer = new Uint8Array(
        readBytes(image, place, ADDRESS).buffer,
        image.data + place.at,
        size,
      ).slice();
      return give(call, { result, peer }, flags);
    },
  });
}

/** Writes who has connected, as the kernel does, and gives the connection. */
function give(call: Call, { result: fd, peer }: Accepted, flags: number): Answer {
  if (fd < 0) return refuse(-fd);
  const [to, lengthAt] = [call.arg(1), call.arg(2)];
  if (to !== 0) {
    const room = new DataView(call.target.read(lengthAt, 4).slice().buffer).getInt32(0, true);
    if (room < 0) refuse(ERRNO.EINVAL);
    if (room > 0 && peer.length > 0) call.target.write(to, peer.slice(0, room));
    call.target.write(lengthAt, new Uint8Array(Uint32Array.of(peer.length).buffer));
  }
  noteMade(call, fd, true);
  return { kind: 'fd', fd, cloexec: (flags & SOCK_FLAG.CLOEXEC) !== 0 };
}
