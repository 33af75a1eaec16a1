/**
 * `sendto`, `sendmsg`, `sendmmsg`: the destination is decided on the copy, the data sent from a copy, on a duplicate.
 *
 * Owns the calls. How one message goes out, in pieces and after waiting, is `transmit.ts`.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { AF, IPPROTO, MSG, SOCK } from '../../uapi/socket.ts';
import { type Answer, type Call, outcome, Refused, refuse } from '../call.ts';
import { Pending } from '../functions/pending.ts';
import { auditSend, isAuditSocket } from '../landlock/audit-calls.ts';
import { connectTo } from './connect.ts';
import { controlOf } from './control.ts';
import { askInet, familyOf } from './inet.ts';
import { lengthOf, type Message, readMessage } from './message.ts';
import { standIn } from './resolvers.ts';
import { type HeldSocket, isInet, readAddress, socketOf } from './socket.ts';
import { type Outgoing, transmit } from './transmit.ts';
import { aimUnix } from './unix.ts';
import { asksUses } from './use/held.ts';
import { askUse } from './use-questions.ts';

const MMSGHDR = { bytes: 64, length: 56 } as const;
const MESSAGES_MAX = 1024;
const LENGTH_MAX = 0x7fff_f000;
/** The longest request to audit: a rule with a path. */
const REQUEST_MAX = 16_384;

export function sendto(call: Call): Answer {
  const socket = socketOf(call, call.int(0));
  const pointer = call.arg(4);
  const address = pointer === 0 ? new Uint8Array() : readAddress(call, pointer, call.int(5));
  const length = Math.min(call.arg(2), LENGTH_MAX);
  const parts = length === 0 ? [] : [{ address: call.arg(1), length }];
  return send(call, socket, { address, parts, control: new Uint8Array() }, call.uint(3), outcome);
}

export function sendmsg(call: Call): Answer {
  const flags = call.uint(2);
  if (flags & MSG.CMSG_COMPAT) refuse(ERRNO.EINVAL);
  const socket = socketOf(call, call.int(0));
  return send(call, socket, readMessage(call, call.arg(1)), flags, outcome);
}

export function sendmmsg(call: Call): Answer {
  const flags = call.uint(3);
  if (flags & MSG.CMSG_COMPAT) refuse(ERRNO.EINVAL);
  const socket = socketOf(call, call.int(0));
  const first = call.arg(1);
  const count = Math.min(call.uint(2), MESSAGES_MAX);
  const next = (index: number): Answer => {
    if (index === count) return { kind: 'value', value: count };
    const at = first + index * MMSGHDR.bytes;
    try {
      return send(call, socket, readMessage(call, at), flags, (sent) => {
        if (sent < 0) return ended(index, -sent);
        call.target.write(at + MMSGHDR.length, new Uint8Array(Uint32Array.of(sent).buffer));
        return next(index + 1);
      });
    } catch (error) {
      if (error instanceof Refused) return ended(index, error.errno);
      // What went out cannot be sent again, as it would be when the call begins anew after an answer.
      if (error instanceof Pending && index > 0) return { kind: 'value', value: index };
      throw error;
    }
  };
  return next(0);
}

/** Messages that went out count more than the error that ended the row. */
function ended(sent: number, errno: number): Answer {
  return sent > 0 ? { kind: 'value', value: sent } : { kind: 'errno', errno };
}

/** Decides on one message and sends it. */
function send(
  call: Call,
  socket: HeldSocket,
  message: Message,
  flags: number,
  done: (sent: number) => Answer,
): Answer {
  if (isAuditSocket(call, socket.fd)) return done(auditSend(call, socket.fd, bytesOf(call, message.parts)));
  // The pages of a copy are not the sender's to wait for: the kernel's answer for "not now" makes programs copy.
  if (flags & MSG.ZEROCOPY) refuse(ERRNO.ENOBUFS);
  if (opensFast(socket, flags) && message.address.length > 0)
    return openFast(call, socket, message, flags, done);
  // Where it is connected to, no address is asked about.
  if (asksUses(call) && message.address.length === 0) askUse(call, socket, 'send');
  const to = destination(call, socket, message.address, flags);
  return transmit(call, outgoing(call, socket, message, to.address, flags), (sent) => {
    to.begun?.();
    return done(sent);
  });
}

function outgoing(
  call: Call,
  socket: HeldSocket,
  message: Message,
  address: Uint8Array,
  flags: number,
): Outgoing {
  const { parts, control } = message;
  return {
    socket,
    address,
    parts,
    length: lengthOf(parts),
    control: controlOf(call, control, socket.domain === AF.UNIX),
    // Without an address it connects to nothing, and the kernel says so.
    flags: message.address.length === 0 ? flags : flags & ~MSG.FASTOPEN,
    silent: (flags & MSG.NOSIGNAL) !== 0,
  };
}

/** Requests to audit are short: what is longer than the longest is cut. */
function bytesOf(call: Call, parts: Message['parts']): Uint8Array {
  const pieces = parts.map(({ address, length }) => call.target.read(address, Math.min(length, REQUEST_MAX)));
  return Uint8Array.from(Buffer.concat(pieces).subarray(0, REQUEST_MAX));
}

function opensFast(socket: HeldSocket, flags: number): boolean {
  return isInet(socket) && socket.type === SOCK.STREAM && (flags & MSG.FASTOPEN) !== 0;
}

/** Sending that connects is a connect and a send: the bytes go out a little later, and are decided on the same. */
function openFast(
  call: Call,
  socket: HeldSocket,
  message: Message,
  flags: number,
  done: (sent: number) => Answer,
): Answer {
  if (familyOf(message.address) === AF.UNSPEC) refuse(ERRNO.EOPNOTSUPP);
  const dontWait = (flags & MSG.DONTWAIT) !== 0;
  return connectTo(call, socket, message.address, {
    dontWait,
    finish: (answer) =>
      answer.kind === 'value'
        ? transmit(call, outgoing(call, socket, message, new Uint8Array(), flags), done)
        : answer,
  });
}

/** An address that was decided on, and what is to be done once something went there. */
interface Destination {
  readonly address: Uint8Array;
  begun?(): void;
}

/** The address to send to in place of the given one. */
function destination(call: Call, socket: HeldSocket, given: Uint8Array, flags: number): Destination {
  const asGiven = { address: given };
  if (socket.domain === AF.UNIX) {
    if (given.length === 0 || socket.type !== SOCK.DGRAM) return asGiven;
    const aim = aimUnix(call, given);
    return aim.kind === 'address' ? { address: aim.bytes } : asGiven;
  }
  if (!isInet(socket)) return asGiven;
  // TCP has no use for an address, and says so only by ignoring it.
  const ignores = socket.protocol === IPPROTO.TCP || socket.protocol === IPPROTO.MPTCP;
  if (socket.type === SOCK.STREAM && ignores) return { address: new Uint8Array() };
  const instead = given.length === 0 ? null : standIn(call, socket, given, 'send');
  if (instead !== null) return instead;
  askInet(call, socket, given, 'send', (flags & MSG.FASTOPEN) !== 0);
  return asGiven;
}
