/**
 * Who holds a UNIX address: the kernel's list of UNIX sockets (sock_diag), asked for one name or one socket file.
 *
 * Owns the question to the kernel. The list is of this process's network namespace; a socket of another one is not
 * found, and counts as somebody else's.
 */

import { attempt } from '../../kernel/call.ts';
import { AF, SOCK } from '../../uapi/socket.ts';

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const FLAGS = { REQUEST: 1, DUMP: 0x300 } as const;
const NLMSG = { ERROR: 2, DONE: 3 } as const;
const SHOW = { NAME: 1, VFS: 2 } as const;
const ATTRIBUTE = { NAME: 0, VFS: 1 } as const;
const HEADER = 16;
const DIAG = 16;
const REQUEST_BYTES = HEADER + 24;
const BUFFER_BYTES = 64 * 1024;

/** A UNIX address to look for. */
export type UnixAddress =
  | { readonly abstract: Uint8Array }
  /** The socket file, as `stat` has it. */
  | { readonly dev: bigint; readonly ino: bigint };

/** A socket that is bound to an address. */
export interface Holder {
  /** Cut to 32 bits, and given again when those are used up. */
  readonly ino: bigint;
  /** Given once. */
  readonly cookie: bigint;
}

/**
 * The sockets that are bound to an address: none where nobody is, or where it cannot be told. Datagram
 * and stream sockets are told apart by no address, so there may be more than one.
 */
export function holdersOf(address: UnixAddress): readonly Holder[] {
  const socket = attempt('socket', AF.NETLINK, SOCK.RAW | 0o2000000, NETLINK_SOCK_DIAG);
  if (socket < 0) return [];
  try {
    return ask(socket, address);
  } finally {
    attempt('close', socket);
  }
}

function ask(socket: number, address: UnixAddress): readonly Holder[] {
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  request.setUint32(0, REQUEST_BYTES, true);
  request.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  request.setUint16(6, FLAGS.REQUEST | FLAGS.DUMP, true);
  request.setUint8(HEADER, AF.UNIX);
  request.setUint32(HEADER + 4, 0xffff_ffff, true);
  request.setUint32(HEADER + 12, 'abstract' in address ? SHOW.NAME : SHOW.VFS, true);
  if (attempt('sendto', socket, request, REQUEST_BYTES, 0, null, 0) < 0) return [];
  const found: Holder[] = [];
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const length = attempt('recvfrom', socket, buffer, buffer.length, 0, null, null);
    if (length <= 0) return [];
    if (collect(new DataView(buffer.buffer, 0, length), address, found)) return found;
  }
}

/** Reads one datagram of answers; whether it was the last. */
function collect(view: DataView, address: UnixAddress, found: Holder[]): boolean {
  for (let at = 0; at + HEADER <= view.byteLength; ) {
    const size = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG.DONE || type === NLMSG.ERROR || size < HEADER) return true;
    if (isAt(view, at + HEADER + DIAG, at + size, address))
      found.push({
        ino: BigInt(view.getUint32(at + HEADER + 4, true)),
        cookie: view.getBigUint64(at + HEADER + 8, true),
      });
    at += (size + 3) & ~3;
  }
  return false;
}

function isAt(view: DataView, start: number, end: number, address: UnixAddress): boolean {
  for (let at = start; at + 4 <= end; ) {
    const size = view.getUint16(at, true);
    const type = view.getUint16(at + 2, true);
    if (size < 4) return false;
    if ('abstract' in address && type === ATTRIBUTE.NAME) {
      const name = new Uint8Array(view.buffer, view.byteOffset + at + 4, size - 4);
      const wanted = address.abstract;
      if (
        name[0] === 0 &&
        name.length === wanted.length + 1 &&
        wanted.every((byte, i) => byte === name[i + 1])
      )
        return true;
    } else if ('ino' in address && type === ATTRIBUTE.VFS) {
      // Inode and device as the kernel counts them inside: the inode is cut to 32 bits.
      const ino = view.getUint32(at + 4, true);
      if (
        BigInt(ino) === (address.ino & 0xffff_ffffn) &&
        sameDevice(view.getUint32(at + 8, true), address.dev)
      )
        return true;
    }
    at += (size + 3) & ~3;
  }
  return false;
}

/** The kernel's device number, 12 bits of major and 20 of minor, against the one of `stat`. */
function sameDevice(kernel: number, dev: bigint): boolean {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return BigInt(kernel >>> 20) === major && BigInt(kernel & 0xf_ffff) === minor;
}
