/**
 * `recvfrom`, `recvmsg`, `recvmmsg`: receiving is free and the kernel's, but for sockets that were turned to landward's
 * name server. What they receive from it is given out as the answer of the server that the program asked.
 *
 * Owns those calls on those sockets. A run that asked no name server costs one look at a table.
 */

import { ARCH } from '../../kernel/call.ts';
import { ImageBuilder, readBytes, readSlot } from '../../kernel/image.ts';
import { native } from '../../kernel/native.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { MSG } from '../../uapi/socket.ts';
import { IOVEC, MSGHDR } from '../../uapi/structs.ts';
import { type Answer, type Call, CONTINUE, refuse } from '../call.ts';
import type { NameView } from '../names/view.ts';
import { lengthOf, type Part, readParts } from './message.ts';
import { isOwn, stoodIn } from './resolvers.ts';
import { cookieOf, isBlocking } from './socket.ts';
import { asksUses } from './use/held.ts';
import { receiveFrom, receiveMessage, receiveMessages } from './use/receive.ts';
import { POLLIN, waitFor } from './waiting.ts';

/** The largest datagram of IP. */
const DATAGRAM = 65_536;
const ADDRESS = 128;
const MMSGHDR = { bytes: 64, length: 56 } as const;
/** The fields of a header that receiving writes. */
const AT = { namelen: 8, control: 32, controllen: 40, flags: 48 } as const;

/** Something received, with the sender that the program is told. */
interface Received {
  readonly length: number;
  readonly data: Uint8Array;
  readonly sender: Uint8Array;
  readonly flags: number;
}

/** The socket of a call, where it was turned to landward's name server; `null` where the kernel may run the call. */
function turned(call: Call): { readonly fd: number; readonly asked: Uint8Array } | null {
  if (call.run.names === undefined || stoodIn(call).isEmpty) return null;
  const fd = call.target.fd(call.int(0));
  const cookie = cookieOf(fd);
  const asked = cookie === null ? undefined : stoodIn(call).of(cookie);
  return asked === undefined ? null : { fd, asked };
}

export function recvfrom(call: Call): Answer {
  const socket = turned(call);
  if (socket === null) return asksUses(call) ? receiveFrom(call) : CONTINUE;
  const [buffer, size] = [call.arg(1), Math.min(call.arg(2), DATAGRAM)];
  const [to, toLength] = [call.arg(4), call.arg(5)];
  return receive(call, socket, size, call.uint(3), (got) => {
    call.target.write(buffer, got.data);
    writeSender(call, to, toLength, got.sender);
    return { kind: 'value', value: got.length };
  });
}

export function recvmsg(call: Call): Answer {
  const socket = turned(call);
  if (socket === null) return asksUses(call) ? receiveMessage(call) : CONTINUE;
  const header = call.arg(1);
  const parts = partsOf(call, header);
  return receive(call, socket, lengthOf(parts), call.uint(2), (got) => {
    fill(call, header, parts, got);
    return { kind: 'value', value: got.length };
  });
}

/** Only the first message is waited for and given: fewer than asked is what callers are used to. */
export function recvmmsg(call: Call): Answer {
  const socket = turned(call);
  if (socket === null) return asksUses(call) ? receiveMessages(call) : CONTINUE;
  const first = call.arg(1);
  if (call.uint(2) === 0) return { kind: 'value', value: 0 };
  const parts = partsOf(call, first);
  return receive(call, socket, lengthOf(parts), call.uint(3), (got) => {
    fill(call, first, parts, got);
    call.target.write(first + MMSGHDR.length, new Uint8Array(Uint32Array.of(got.length).buffer));
    return { kind: 'value', value: 1 };
  });
}

function partsOf(call: Call, header: number): readonly Part[] {
  const { msg_iov, msg_iovlen } = MSGHDR.decode(call.target.read(header, MSGHDR.size));
  if (msg_iovlen > 1024n) refuse(ERRNO.EMSGSIZE);
  return readParts(call, Number(msg_iov), Number(msg_iovlen));
}

function fill(call: Call, header: number, parts: readonly Part[], got: Received): void {
  let at = 0;
  for (const { address, length } of parts) {
    call.target.write(address, got.data.subarray(at, at + length));
    at += length;
  }
  const { msg_name } = MSGHDR.decode(call.target.read(header, MSGHDR.size));
  writeSender(call, Number(msg_name), msg_name === 0n ? 0 : header + AT.namelen, got.sender);
  // No control data: nothing that a resolver asks for is lost with it.
  call.target.write(header + AT.controllen, new Uint8Array(8));
  call.target.write(header + AT.flags, new Uint8Array(Uint32Array.of(got.flags).buffer));
}

function writeSender(call: Call, to: number, lengthAt: number, sender: Uint8Array): void {
  if (to === 0 || lengthAt === 0) return;
  const room = new DataView(call.target.read(lengthAt, 4).slice().buffer).getInt32(0, true);
  if (room < 0) refuse(ERRNO.EINVAL);
  call.target.write(to, sender.subarray(0, room));
  call.target.write(lengthAt, new Uint8Array(Uint32Array.of(sender.length).buffer));
}

function receive(
  call: Call,
  socket: { readonly fd: number; readonly asked: Uint8Array },
  size: number,
  flags: number,
  give: (got: Received) => Answer,
): Answer {
  const go = (): Answer => {
    const got = take(socket.fd, Math.min(size, DATAGRAM), flags | MSG.DONTWAIT);
    if (typeof got !== 'number') return give(disguised(call.run.names!, got, socket.asked));
    if (got !== -ERRNO.EAGAIN || flags & MSG.DONTWAIT || !isBlocking(socket.fd)) return refuse(-got);
    return waitFor(call, socket.fd, { deadline: null, late: ERRNO.EAGAIN }, go, { events: POLLIN });
  };
  return go();
}

function disguised(names: NameView, got: Received, asked: Uint8Array): Received {
  return isOwn(names, got.sender) ? { ...got, sender: asked } : got;
}

/** Receives one datagram; `-errno` where there is none. */
function take(fd: number, size: number, flags: number): Received | number {
  const build = new ImageBuilder(ARCH);
  const result = build.slot();
  const header = build.reserve(MSGHDR.size);
  const vector = build.reserve(IOVEC.size);
  const sender = build.reserve(ADDRESS);
  const data = build.reserve(Math.max(size, 1));
  build.point(header, 0, sender);
  build.point(header, 16, vector);
  build.point(vector, 0, data);
  build.step('recvmsg', [fd, header, flags], 'recvmsg', { store: result, okErrno: 'any' });
  const image = build.build();
  const view = readBytes(image, header, MSGHDR.size);
  view.setInt32(AT.namelen, ADDRESS, true);
  view.setBigUint64(24, 1n, true);
  readBytes(image, vector, IOVEC.size).setBigUint64(8, BigInt(size), true);
  native().apply(image.bytes);
  const length = readSlot(image, result);
  if (length < 0) return length;
  const bytes = (place: typeof data, count: number) =>
    image.bytes.slice(image.data + place.at, image.data + place.at + count);
  return {
    length,
    data: bytes(data, Math.min(length, size)),
    sender: bytes(sender, Math.min(Math.max(view.getInt32(AT.namelen, true), 0), ADDRESS)),
    flags: view.getInt32(AT.flags, true),
  };
}
