/**
 * Addresses of IP sockets as the kernel will take them, and the question that they raise.
 *
 * Owns the reading of an address in view of the socket and the call: `AF_UNSPEC` means three things. Nothing is decided
 * here; an address that the kernel refuses anyway raises no question of the policy.
 */

import type { NetRight } from '../../uapi/landlock.ts';
import { decodeSockaddr } from '../../uapi/sockaddr.ts';
import { AF, IPPROTO, SOCK } from '../../uapi/socket.ts';
import type { Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { refuse } from '../call.ts';
import { addressText } from './address-text.ts';
import { needsRef } from './made.ts';
import { refOf } from './ref.ts';
import { type HeldSocket, modelSocket } from './socket.ts';
import { askUse } from './use-questions.ts';

/** What is done with an address. */
export type Operation = 'bind' | 'connect' | 'send';

/** An address and port that a call reaches or takes. */
export interface Aim {
  /** Text without brackets; an IPv4 address in an IPv6 socket is `::ffff:a.b.c.d`. */
  readonly address: string;
  readonly port: number;
}

/**
 * Where a call with this address goes.
 *
 * @returns `null` where it goes nowhere: an association is dissolved, or the kernel will call the address malformed
 */
export function aimOf(socket: HeldSocket, bytes: Uint8Array, operation: Operation): Aim | null {
  let given = bytes;
  if (familyOf(bytes) === AF.UNSPEC && operation !== 'connect' && socket.domain === AF.INET) {
    // IPv4 takes an address without a family as its own when it sends, and when it binds to any address.
    if (operation === 'bind' && bytes.subarray(4, 8).some((byte) => byte !== 0)) return null;
    given = bytes.slice();
    given[0] = AF.INET;
  } else if (
    familyOf(bytes) === AF.UNSPEC &&
    operation === 'send' &&
    socket.domain === AF.INET6 &&
    !isUdp(socket)
  ) {
    // IPv6 does so for raw sockets and tunnels; UDP sends where it is connected to.
    given = bytes.slice();
    given[0] = AF.INET6;
  }
  const address = decodeSockaddr(given);
  if (address === null || (address.family !== 'inet' && address.family !== 'inet6')) return null;
  // No IPv4 socket takes the other form, nor becomes one that does.
  if (socket.domain === AF.INET && address.family === 'inet6') return null;
  return { address: addressText(address.address), port: address.port };
}

function isUdp({ protocol }: HeldSocket): boolean {
  return protocol === IPPROTO.UDP || protocol === IPPROTO.UDPLITE;
}

/** The family of an address, -1 for one that is too short to have one. */
export function familyOf(bytes: Uint8Array): number {
  return bytes.length < 2 ? -1 : bytes[0]! | (bytes[1]! << 8);
}

/** The right that an operation of a socket needs. What moves a stream of bytes is held like TCP, all else like UDP. */
export function rightOf({ type }: HeldSocket, operation: Operation): NetRight {
  const stream = type === SOCK.STREAM || type === SOCK.SEQPACKET;
  if (stream) return operation === 'bind' ? 'net.bind_tcp' : 'net.connect_tcp';
  return operation === 'bind' ? 'net.bind_udp' : 'net.connect_send_udp';
}

/**
 * Asks whether an operation may be done. Names that are known to mean the address are asked with it.
 *
 * @param bytes the address as given; empty for a send without one
 * @throws {Refused} what the authority says
 */
export function askInet(
  call: Call,
  socket: HeldSocket,
  bytes: Uint8Array,
  operation: Operation,
  fastOpen = false,
): Aim | null {
  const aim = aimOf(socket, bytes, operation);
  if (operation === 'connect' && familyOf(bytes) === AF.UNSPEC) askUse(call, socket, 'disassociate');
  const question = questionOf(call, socket, bytes, operation, aim, fastOpen);
  if (question === null) return aim;
  const { errno } = call.run.authority.ask(call, question);
  return errno === 0 ? aim : refuse(errno);
}

/** The question that an operation raises; `null` where there is nothing to ask. */
export function questionOf(
  call: Call,
  socket: HeldSocket,
  bytes: Uint8Array,
  operation: Operation,
  aim: Aim | null,
  fastOpen = false,
): Extract<Question, { kind: 'net' }> | null {
  const landlock = call.run.plan.supervisor.landlock !== undefined;
  if (aim === null && !landlock) return null;
  const ref = needsRef(call) ? refOf(socket) : null;
  const names = aim === null || operation === 'bind' ? [] : (call.run.names?.namesOf(aim.address) ?? []);
  return {
    kind: 'net',
    right: rightOf(socket, operation),
    address: aim?.address ?? null,
    port: aim?.port ?? 0,
    names,
    protocol: socket.protocol,
    ...(ref === null ? {} : { socket: ref }),
    ...(landlock
      ? { attempt: { call: operation, socket: modelSocket(socket), given: givenAddress(bytes), fastOpen } }
      : {}),
  };
}

/** An address as Landlock looks at it. */
function givenAddress(
  bytes: Uint8Array,
): NonNullable<Extract<Question, { kind: 'net' }>['attempt']>['given'] {
  if (bytes.length === 0) return null;
  const family = familyOf(bytes);
  const word =
    family === AF.UNSPEC ? 'unspec' : family === AF.INET ? 'inet' : family === AF.INET6 ? 'inet6' : 'other';
  const any = bytes.length >= 8 && bytes.subarray(4, 8).every((byte) => byte === 0);
  return {
    length: bytes.length,
    family: word,
    port: bytes.length >= 4 ? (bytes[2]! << 8) | bytes[3]! : 0,
    any,
  };
}
