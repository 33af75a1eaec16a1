/**
 * A socket as questions about it name it: by cookie, with what the kernel says of its state now.
 *
 * Owns the looking. The state can change a moment later, but not by a call that is not asked about: whoever holds a
 * socket down to its state is asked about every way out of it.
 */

import { attempt } from '../../kernel/call.ts';
import { decodeSockaddr } from '../../uapi/sockaddr.ts';
import { AF, IPPROTO, SO, SOCK } from '../../uapi/socket.ts';
import type { SocketRef } from '../authority.ts';
import { addressText } from './address-text.ts';
import { cookieOf, type HeldSocket, localAddress, modelSocket, option } from './socket.ts';

const TCP_INFO = 11;
const info = new Uint8Array(8);
const length = new Uint32Array(1);
const peer = new Uint8Array(128);
/** States of TCP as `tcp_info` tells them. */
const TCP = { SYN_SENT: 2, SYN_RECV: 3, CLOSE: 7, LISTEN: 10 } as const;

/**
 * A socket as questions name it.
 *
 * @param number the descriptor by which the target uses it
 * @returns `null` where the kernel gives it no cookie
 */
export function refOf(socket: HeldSocket, number = socket.number): SocketRef | null {
  const cookie = cookieOf(socket.fd);
  if (cookie === null) return null;
  const inet = modelSocket(socket);
  const remote = peerOf(socket.fd);
  const own = localAddress(socket.fd);
  return {
    cookie,
    fd: number,
    inet,
    state: stateOf(socket, remote !== null),
    port: portOf(own) || null,
    peer: remote === null ? null : portOf(remote) || null,
    local: textOf(own),
    remote: remote === null ? null : textOf(remote),
  };
}

function stateOf(socket: HeldSocket, hasPeer: boolean): SocketRef['state'] {
  if (option(socket.fd, SO.ACCEPTCONN) === 1) return 'listening';
  if (socket.type !== SOCK.STREAM || !isTcp(socket)) return hasPeer ? 'connected' : 'idle';
  length[0] = info.length;
  if (attempt('getsockopt', socket.fd, IPPROTO.TCP, TCP_INFO, info, length) < 0)
    return hasPeer ? 'connected' : 'idle';
  switch (info[0]) {
    case TCP.SYN_SENT:
      return 'connecting';
    case TCP.LISTEN:
      return 'listening';
    case TCP.CLOSE:
      return 'idle';
    default:
      return 'connected';
  }
}

function isTcp({ domain, protocol }: HeldSocket): boolean {
  const inet = domain === AF.INET || domain === AF.INET6;
  return inet && (protocol === IPPROTO.TCP || protocol === IPPROTO.MPTCP);
}

/** The address of the peer, as bytes; `null` where there is none. */
function peerOf(fd: number): Uint8Array | null {
  length[0] = peer.length;
  return attempt('getpeername', fd, peer, length) < 0 ? null : peer.subarray(0, length[0]);
}

function textOf(bytes: Uint8Array): string | null {
  const address = decodeSockaddr(bytes);
  if (address === null || (address.family !== 'inet' && address.family !== 'inet6')) return null;
  return addressText(address.address);
}

function portOf(address: Uint8Array): number {
  const family = address.length < 4 ? 0 : address[0]! | (address[1]! << 8);
  if (family !== AF.INET && family !== AF.INET6) return 0;
  return (address[2]! << 8) | address[3]!;
}
