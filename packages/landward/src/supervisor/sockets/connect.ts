/**
 * `connect`: the address is copied once, asked about, and used on a duplicate of the socket.
 *
 * Owns the call and the waiting of sockets that block. Which name servers are stood in for is `resolvers.ts`; UNIX sockets
 * are `unix.ts`.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AF, SOCK } from '../../uapi/socket.ts';
import { type Answer, type Call, DONE, outcome } from '../call.ts';
import { askInet, familyOf } from './inet.ts';
import { noteAimed, wasAimed } from './made.ts';
import { standIn } from './resolvers.ts';
import {
  type HeldSocket,
  isBlocking,
  isInet,
  lookAt,
  readAddress,
  sendTimeout,
  withoutWaiting,
} from './socket.ts';
import { connectUnix } from './unix.ts';
import { askUse } from './use-questions.ts';
import { interruption } from './waiting.ts';

/** How a connect is part of another call. */
export interface Connecting {
  /** Whether it must not wait, whatever the socket says. */
  readonly dontWait: boolean;
  /** Makes the call's answer of the connect's. */
  finish(answer: Answer): Answer;
}

const ALONE: Connecting = { dontWait: false, finish: (answer) => answer };

/** The call `connect`. */
export function connect(call: Call): Answer {
  // The kernel looks for the descriptor, then for the address, then whether it is a socket.
  const number = call.int(0);
  const fd = call.target.fd(number);
  const address = readAddress(call, call.arg(1), call.int(2));
  return connectTo(call, lookAt(fd, number), address);
}

/**
 * Connects a socket that the call holds to an address that the call has copied.
 *
 * @throws {Refused} what the authority says
 */
export function connectTo(
  call: Call,
  socket: HeldSocket,
  address: Uint8Array,
  connecting: Connecting = ALONE,
): Answer {
  if (socket.domain === AF.UNIX) return connectUnix(call, socket, address);
  if (!isInet(socket)) {
    askUse(call, socket, 'configure');
    return perform(call, socket, address, connecting);
  }
  const instead = standIn(call, socket, address, 'connect');
  if (instead !== null) {
    askUse(call, socket, 'configure');
    return perform(call, socket, instead.address, after(connecting, instead.begun));
  }
  askInet(call, socket, address, 'connect');
  return perform(call, socket, address, connecting);
}

function after(connecting: Connecting, begun: () => void): Connecting {
  return {
    dontWait: connecting.dontWait,
    finish(answer) {
      begun();
      return connecting.finish(answer);
    },
  };
}

function perform(call: Call, socket: HeldSocket, address: Uint8Array, connecting: Connecting): Answer {
  const { fd } = socket;
  const once = () => attempt('connect', fd, address, address.length);
  const waits = socket.type === SOCK.STREAM || socket.type === SOCK.SEQPACKET;
  const dissolves = familyOf(address) === AF.UNSPEC;
  const tracked = waits && !dissolves ? aiming(call, fd, connecting) : connecting;
  // What dissolves has no reason to wait, and must be done before anything else is decided about the socket.
  // On another thread also where it doesn't wait now: who shares the socket can make it wait at any moment.
  if (waits && !dissolves && !(connecting.dontWait && isBlocking(fd)))
    return block(call, fd, address, tracked);
  const result = call.target.as(() => (waits ? withoutWaiting(fd, once) : once()));
  return tracked.finish(outcome(result));
}

/** Errors after which a connection may still come to be, or is there already. */
const UNDERWAY: ReadonlySet<number> = new Set([
  ERRNO.EINPROGRESS,
  ERRNO.EALREADY,
  ERRNO.EISCONN,
  ERRNO.EINTR,
]);

/** From its beginning on a connect counts as an aim of the socket, until it has failed. */
function aiming(call: Call, fd: number, connecting: Connecting): Connecting {
  if (wasAimed(call, fd)) return connecting;
  noteAimed(call, fd, true);
  return {
    dontWait: connecting.dontWait,
    finish(answer) {
      if (answer.kind === 'errno' && !UNDERWAY.has(answer.errno)) noteAimed(call, fd, false);
      return connecting.finish(answer);
    },
  };
}

/** A connect that waits runs on another thread; a signal for the target ends it as it would end the target's own. */
function block(call: Call, fd: number, address: Uint8Array, { finish }: Connecting): Answer {
  const build = new ImageBuilder(ARCH);
  const result = build.slot();
  const place = build.bytes(address);
  build.step('connect', [fd, place, address.length], 'connect', { store: result, okErrno: 'any' });
  const image = build.build();
  return call.later({
    image,
    finish: (applied) => {
      const errno = applied.errno === 0 ? -readSlot(image, result) : applied.errno;
      if (errno === ERRNO.EINTR) return interruption(call, sendTimeout(fd) !== null);
      return finish(errno <= 0 ? DONE : { kind: 'errno', errno });
    },
  });
}
