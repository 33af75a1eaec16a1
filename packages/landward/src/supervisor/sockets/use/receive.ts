/**
 * `recvfrom`, `recvmsg`, `recvmmsg` where each use is asked about: received here from the pin, given out from copies, descriptors
 * that travel with a message included.
 *
 * Owns those calls there. A row of messages is given one at a time, as callers are used to.
 */

import type { Place } from '../../../kernel/image.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { MSG, SCM_PIDFD, SCM_RIGHTS, SOL_SOCKET } from '../../../uapi/socket.ts';
import { IOVEC, MSGHDR } from '../../../uapi/structs.ts';
import { type Answer, type Call, refuse } from '../../call.ts';
import { lengthOf, type Part, readParts } from '../message.ts';
import { bytesOf, holdFor, performUse } from './held.ts';
import { scatter } from './read.ts';

const ADDRESS = 128;
const CONTROL_MAX = 64 * 1024;
const HEADER = 16;
const MMSGHDR_LENGTH = 56;
/** The fields of a header that receiving reads and writes. */
const AT = { namelen: 8, iovlen: 24, control: 32, controllen: 40, flags: 48 } as const;
const CTRUNC = 8;

/** Something received. */
interface Received {
  readonly result: number;
  readonly data: Uint8Array;
  readonly sender: Uint8Array;
  readonly senderLength: number;
  readonly control: Uint8Array;
  readonly flags: number;
}

export function receiveFrom(call: Call): Answer {
  const [length, to, lengthAt] = [call.arg(2), call.arg(4), call.arg(5)];
  const parts = length === 0 ? [] : [{ address: call.arg(1), length }];
  return receive(call, parts, 0, call.uint(3), (got) => {
    scatter(call, parts, got.data);
    if (to !== 0 && lengthAt !== 0) {
      const room = new DataView(call.target.read(lengthAt, 4).slice().buffer).getInt32(0, true);
      if (room < 0) refuse(ERRNO.EINVAL);
      call.target.write(to, got.sender.subarray(0, room));
      call.target.write(lengthAt, word(got.senderLength));
    }
    return { kind: 'value', value: got.result };
  });
}

export function receiveMessage(call: Call): Answer {
  return message(call, call.arg(1), call.uint(2), (got) => ({ kind: 'value', value: got.result }));
}

export function receiveMessages(call: Call): Answer {
  if (call.uint(2) === 0) return { kind: 'value', value: 0 };
  const first = call.arg(1);
  return message(call, first, call.uint(3), (got) => {
    call.target.write(first + MMSGHDR_LENGTH, word(got.result));
    return { kind: 'value', value: 1 };
  });
}

function message(call: Call, header: number, flags: number, give: (got: Received) => Answer): Answer {
  const asked = MSGHDR.decode(call.target.read(header, MSGHDR.size));
  if (asked.msg_iovlen > 1024n) refuse(ERRNO.EMSGSIZE);
  if (asked.msg_name !== 0n && asked.msg_namelen < 0) refuse(ERRNO.EINVAL);
  const parts = readParts(call, Number(asked.msg_iov), Number(asked.msg_iovlen));
  const room = asked.msg_control === 0n ? 0n : asked.msg_controllen;
  const size = Number(room > BigInt(CONTROL_MAX) ? BigInt(CONTROL_MAX) : room);
  return receive(call, parts, size, flags, (got) => {
    const { control, truncated } = handOut(call, got.control, (flags & MSG.CMSG_CLOEXEC) !== 0);
    scatter(call, parts, got.data);
    if (asked.msg_name !== 0n) {
      call.target.write(Number(asked.msg_name), got.sender.subarray(0, Math.max(asked.msg_namelen, 0)));
      call.target.write(header + AT.namelen, word(got.senderLength));
    }
    if (control.length > 0) call.target.write(Number(asked.msg_control), control);
    call.target.write(
      header + AT.controllen,
      new Uint8Array(BigUint64Array.of(BigInt(control.length)).buffer),
    );
    call.target.write(header + AT.flags, word(got.flags | (truncated ? CTRUNC : 0)));
    return give(got);
  });
}

/** Puts descriptors of a message into the target and their numbers there into the control data. */
function handOut(
  call: Call,
  given: Uint8Array,
  cloexec: boolean,
): { readonly control: Uint8Array; readonly truncated: boolean } {
  const control = given.slice();
  const view = new DataView(control.buffer);
  let truncated = false;
  for (let at = 0; at + HEADER <= control.length; ) {
    const size = Number(view.getBigUint64(at, true));
    if (size < HEADER || size > control.length - at) break;
    const type = view.getInt32(at + 12, true);
    if (view.getInt32(at + 8, true) === SOL_SOCKET && (type === SCM_RIGHTS || type === SCM_PIDFD))
      for (let one = at + HEADER; one + 4 <= at + size; one += 4) {
        const fd = view.getInt32(one, true);
        if (fd < 0) continue;
        const number = call.install(call.own(fd), cloexec || type === SCM_PIDFD);
        truncated ||= number < 0;
        view.setInt32(one, number < 0 ? -1 : number, true);
      }
    at += (size + 7) & ~7;
  }
  return { control, truncated };
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

interface Laid {
  readonly header: Place;
  readonly vector: Place;
  readonly sender: Place;
  readonly control: Place;
  readonly data: Place;
}

function receive(
  call: Call,
  parts: readonly Part[],
  controlSize: number,
  flags: number,
  give: (got: Received) => Answer,
): Answer {
  const held = holdFor(call, call.int(0), 'receive');
  if (!held.isSocket) refuse(ERRNO.ENOTSOCK);
  const size = Math.min(lengthOf(parts), held.most);
  return performUse<Laid>(
    call,
    {
      name: 'recvmsg',
      lay: (build) => {
        const places = {
          header: build.reserve(MSGHDR.size),
          vector: build.reserve(IOVEC.size),
          sender: build.reserve(ADDRESS),
          control: build.reserve(Math.max(controlSize, 8)),
          data: build.reserve(Math.max(size, 1)),
        };
        build.point(places.header, 0, places.sender);
        build.point(places.header, 16, places.vector);
        build.point(places.vector, 0, places.data);
        if (controlSize > 0) build.point(places.header, AT.control, places.control);
        // What arrives here is closed with the call; what is given out says for itself whether it survives execve.
        return { args: [held.fd, places.header, flags | MSG.CMSG_CLOEXEC], places };
      },
      fill: (view, { header, vector }) => {
        view(header, MSGHDR.size).setInt32(AT.namelen, ADDRESS, true);
        view(header, MSGHDR.size).setBigUint64(AT.iovlen, 1n, true);
        view(header, MSGHDR.size).setBigUint64(AT.controllen, BigInt(controlSize), true);
        view(vector, IOVEC.size).setBigUint64(8, BigInt(size), true);
      },
      finish: (result, view, places) => {
        if (result < 0) return refuse(-result);
        const header = view(places.header, MSGHDR.size);
        const senderLength = Math.max(header.getInt32(AT.namelen, true), 0);
        const got = Math.min(Number(header.getBigUint64(AT.controllen, true)), controlSize);
        return give({
          result,
          data: bytesOf(view(places.data, Math.min(result, size))),
          sender: bytesOf(view(places.sender, Math.min(senderLength, ADDRESS))),
          senderLength,
          control: bytesOf(view(places.control, got)),
          flags: header.getInt32(AT.flags, true) & ~MSG.CMSG_CLOEXEC,
        });
      },
    },
    held.waits && (flags & MSG.DONTWAIT) === 0,
    { fd: held.fd, sends: false },
  );
}
