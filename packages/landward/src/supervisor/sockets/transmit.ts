/**
 * One message out of a duplicate of the target's socket: from copies, without ever holding up the deciding thread, with
 * the signal that a broken pipe means to the sender.
 *
 * Owns pieces and waiting. What may be sent where was decided before.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import { native } from '../../kernel/native.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AF, MSG, SOCK } from '../../uapi/socket.ts';
import { MSGHDR } from '../../uapi/structs.ts';
import { type Answer, type Call, Refused, refuse } from '../call.ts';
import type { Control } from './control.ts';
import { asCaller } from './credentials.ts';
import { type Part, readData } from './message.ts';
import { type HeldSocket, isBlocking, isInet, sendTimeout } from './socket.ts';
import { interruption, waitFor } from './waiting.ts';

/** How much of a stream is copied at once. */
const PIECE = 1024 * 1024;
/** No datagram is larger: the kernel refuses those that do not fit its buffers. */
const DATAGRAM_MAX = 32 * 1024 * 1024;
const SIGPIPE = 13;
/** A full datagram queue of a peer is told by no poll of the sender's socket. */
const PAUSE = 3;

/** A message that was decided on. */
export interface Outgoing {
  readonly socket: HeldSocket;
  readonly address: Uint8Array;
  readonly parts: readonly Part[];
  readonly length: number;
  readonly control: Control;
  readonly flags: number;
  /** Whether the sender wants no signal for a broken pipe. */
  readonly silent: boolean;
}

/**
 * Sends a message.
 *
 * @param done gets the number of bytes that went out, or `-errno`
 */
export function transmit(call: Call, out: Outgoing, done: (sent: number) => Answer): Answer {
  const { socket, flags, length } = out;
  const stream = socket.type === SOCK.STREAM;
  if (!stream && length > DATAGRAM_MAX) refuse(ERRNO.EMSGSIZE);
  const waits = (flags & MSG.DONTWAIT) === 0 && isBlocking(socket.fd);
  const timeout = waits ? sendTimeout(socket.fd) : null;
  const deadline = timeout === null ? null : performance.now() + timeout;
  const whole = !stream || (flags & MSG.OOB) !== 0;
  let sent = 0;

  const finish = (errno: number): Answer => {
    if (sent > 0) return done(sent);
    if (errno === ERRNO.EPIPE && stream && !out.silent) tellBrokenPipe(call);
    return done(-errno);
  };
  const go = (): Answer => {
    for (;;) {
      const data = pieceOf(call, out, sent, whole ? length : PIECE);
      if (data === null) return finish(ERRNO.EFAULT);
      const count = put(call, out, data, sent === 0);
      if (count === -ERRNO.EAGAIN && waits) return pause();
      if (count < 0) return finish(-count);
      sent += count;
      // What doesn't wait has taken what there was room for.
      if (!stream || sent >= length || count === 0 || (!waits && count < data.length)) return done(sent);
    }
  };
  const pause = (): Answer => {
    const unheard = socket.domain === AF.UNIX && socket.type !== SOCK.STREAM;
    return waitFor(call, unheard ? null : socket.fd, { deadline, late: ERRNO.EAGAIN }, go, {
      ...(unheard ? { pause: PAUSE } : {}),
      interrupted: () => (sent > 0 ? done(sent) : interruption(call, deadline !== null)),
    });
  };
  return go();
}

/** The next data; `null` where the target's memory ends. */
function pieceOf(call: Call, { parts }: Outgoing, from: number, most: number): Uint8Array | null {
  try {
    return readData(call, parts, from, most);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

function tellBrokenPipe(call: Call): void {
  attempt('tgkill', call.target.status().pid, call.target.tid, SIGPIPE);
}

/** One send that doesn't wait: the bytes that went out, or `-errno`. Control data goes with the first bytes. */
function put(
  call: Call,
  { socket, address, control, flags }: Outgoing,
  data: Uint8Array,
  first: boolean,
): number {
  const how = flags | MSG.DONTWAIT | MSG.NOSIGNAL;
  const act = () => {
    if (control.bytes.length === 0 || !first) {
      const to = address.length === 0 ? null : address;
      return attempt(
        'sendto',
        socket.fd,
        data.length === 0 ? null : data,
        data.length,
        how,
        to,
        address.length,
      );
    }
    return sendWithControl(socket.fd, address, data, control.bytes, how);
  };
  // Whom the kernel adds as the sender is this thread.
  return isInet(socket) ? call.target.as(act) : asCaller(call, act, { tells: control.credentials });
}

function sendWithControl(
  fd: number,
  address: Uint8Array,
  data: Uint8Array,
  control: Uint8Array,
  flags: number,
): number {
  const build = new ImageBuilder(ARCH);
  const result = build.slot();
  const header = build.reserve(MSGHDR.size);
  const vector = build.reserve(16);
  const [to, body, extra] = [address, data, control].map((bytes) => build.bytes(bytes)) as [
    ReturnType<typeof build.bytes>,
    ReturnType<typeof build.bytes>,
    ReturnType<typeof build.bytes>,
  ];
  if (address.length > 0) build.point(header, 0, to);
  build.point(header, 16, vector);
  build.point(header, 32, extra);
  build.point(vector, 0, body);
  build.step('sendmsg', [fd, header, flags], 'sendmsg', { store: result, okErrno: 'any' });
  const image = build.build();
  const view = new DataView(image.bytes.buffer, image.data);
  view.setInt32(header.at + 8, address.length, true);
  view.setBigUint64(header.at + 24, 1n, true);
  view.setBigUint64(header.at + 40, BigInt(control.length), true);
  view.setBigUint64(vector.at + 8, BigInt(data.length), true);
  native().apply(image.bytes);
  return readSlot(image, result);
}
