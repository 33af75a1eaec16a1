/**
 * A UNIX stream socket that listens in a directory and knows who is on the other end: who has connected, and who has sent
 * each piece, by pidfds that cannot come to mean another process.
 *
 * Owns descriptors and layouts. Who is welcome is the caller's.
 */

import { AT_FDCWD, O } from '../uapi/open.ts';
import { AF, MSG, SCM_PIDFD, SCM_RIGHTS, SO, SOCK, SOCK_FLAG, SOL_SOCKET } from '../uapi/socket.ts';
import { IOVEC, MSGHDR } from '../uapi/structs.ts';
import { ARCH, attempt, call } from './call.ts';
import { Fd } from './fd.ts';
import { ImageBuilder, readBytes, readSlot } from './image.ts';
import { native } from './native.ts';

const BACKLOG = 16;
const SUN_PATH = 108;
const ROOM = 65_536;
/** Room for one pidfd and as many descriptors as one message can bring. */
const CONTROL_ROOM = 1088;
const CMSG_HEADER = 16;

/**
 * Binds a socket in a directory, for its owner alone, and listens.
 *
 * @param directory where the socket is to lie; its path may be of any length
 * @param name the file, which must not exist
 * @throws {KernelError} ENOPROTOOPT where the kernel does not tell who sends (before Linux 6.5)
 */
export function listenIn(directory: string, name: string): Fd {
  const path = new TextEncoder().encode(`${directory}\0`);
  const flags = O[ARCH].PATH | O[ARCH].DIRECTORY | O[ARCH].CLOEXEC;
  using place = new Fd(call('open the directory of the socket', 'openat', AT_FDCWD, path, flags, 0));
  const made = call(
    'make a socket',
    'socket',
    AF.UNIX,
    SOCK.STREAM | SOCK_FLAG.CLOEXEC | SOCK_FLAG.NONBLOCK,
    0,
  );
  const socket = new Fd(made);
  try {
    const yes = new Int32Array([1]);
    // Before it listens: what is sent before a connection is taken must bring its sender, too.
    call('ask who sends', 'setsockopt', made, SOL_SOCKET, SO.PASSPIDFD, yes, 4);
    const where = `/proc/thread-self/fd/${place.number}/${name}`;
    const address = addressOf(where);
    call('bind the socket', 'bind', made, address, address.length);
    // A socket that does not listen yet refuses whoever comes in between.
    call('keep the socket to its owner', 'fchmodat', AT_FDCWD, new TextEncoder().encode(`${where}\0`), 0o600);
    call('listen on the socket', 'listen', made, BACKLOG);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function addressOf(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length >= SUN_PATH) throw new TypeError('The name of a socket is too long');
  const address = new Uint8Array(2 + bytes.length + 1);
  new DataView(address.buffer).setUint16(0, AF.UNIX, true);
  address.set(bytes, 2);
  return address;
}

/** Takes a connection: its descriptor, the caller's, or `-errno`. */
export function acceptOn(listener: number): number {
  return attempt('accept4', listener, null, null, SOCK_FLAG.CLOEXEC | SOCK_FLAG.NONBLOCK);
}

/** A pidfd of the process that has connected, the caller's; `-errno` where there is none any more. */
export function peerOf(connection: number): number {
  const pidfd = new Int32Array([-1]);
  const length = new Int32Array([4]);
  const result = attempt('getsockopt', connection, SOL_SOCKET, SO.PEERPIDFD, pidfd, length);
  return result < 0 ? result : pidfd[0]!;
}

/** A piece that was received. */
export interface Piece {
  /** Nothing at the end of the connection. */
  readonly bytes: Uint8Array;
  /** A pidfd of who has sent it, the caller's; `null` where the sender is gone or could not be told. */
  readonly sender: number | null;
  /** Descriptors came with it, which are closed already. */
  readonly descriptors: boolean;
}

/** Receives what one process has sent, without waiting; `-errno` where there is nothing. */
export function receiveFrom(connection: number): Piece | number {
  const build = new ImageBuilder(ARCH);
  const result = build.slot();
  const header = build.reserve(MSGHDR.size);
  const vector = build.reserve(IOVEC.size);
  const control = build.reserve(CONTROL_ROOM);
  const data = build.reserve(ROOM);
  build.point(header, 16, vector);
  build.point(header, 32, control);
  build.point(vector, 0, data);
  const flags = MSG.DONTWAIT | MSG.CMSG_CLOEXEC;
  build.step('recvmsg', [connection, header, flags], 'recvmsg', { store: result, okErrno: 'any' });
  const image = build.build();
  const view = readBytes(image, header, MSGHDR.size);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(40, BigInt(CONTROL_ROOM), true);
  readBytes(image, vector, IOVEC.size).setBigUint64(8, BigInt(ROOM), true);
  native().apply(image.bytes);
  const length = readSlot(image, result);
  if (length < 0) return length;
  const told = readBytes(image, control, Number(view.getBigUint64(40, true)));
  const start = image.data + data.at;
  return { bytes: image.bytes.slice(start, start + length), ...senderIn(told) };
}

/** Reads control messages; closes descriptors that nobody wants. */
function senderIn(control: DataView): Pick<Piece, 'sender' | 'descriptors'> {
  let sender: number | null = null;
  let descriptors = false;
  for (let at = 0; at + CMSG_HEADER <= control.byteLength; ) {
    const length = Number(control.getBigUint64(at, true));
    if (length < CMSG_HEADER || at + length > control.byteLength) break;
    const type = control.getInt32(at + 12, true);
    for (let field = at + CMSG_HEADER; field + 4 <= at + length; field += 4) {
      const fd = control.getInt32(field, true);
      if (type === SCM_PIDFD && fd >= 0 && sender === null) sender = fd;
      else if (type === SCM_RIGHTS || type === SCM_PIDFD) {
        if (fd >= 0) attempt('close', fd);
        descriptors ||= type === SCM_RIGHTS;
      }
    }
    at += Math.ceil(length / 8) * 8;
  }
  return { sender, descriptors };
}
