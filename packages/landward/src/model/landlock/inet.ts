/**
 * TCP and UDP: bind, connect and send with an address. The calling task's domain decides; the address never matters,
 * only the port does. Refusals that only say that an address is malformed keep the kernel's order, because a program
 * sees them instead of EACCES.
 */

import type { NetRight } from '../../uapi/landlock.ts';
import { netMask } from '../../uapi/masks.ts';
import { type Behaviour, fixed, rung } from './behaviour.ts';
import { ALLOWED, blame, type Decision, denied, refuse } from './decision.ts';
import { type Credential, type Domain, grantedAccess, grantedLayer, grantedQuietly } from './domain.ts';
import type { InetSocket } from './world.ts';

/** A socket address as the program gave it. */
export interface SocketAddress {
  /** Length of the address in bytes. */
  readonly length: number;
  readonly family: 'unspec' | 'inet' | 'inet6' | 'other';
  /** Host order. */
  readonly port: number;
  /** Whether the IPv4 address is 0.0.0.0. */
  readonly any?: boolean;
}

const INET_LENGTH = 16;
const INET6_LENGTH = 24;
const FAMILY_LENGTH = 2;
const TCP = 6;
const UDP = 17;

/** Erratum 1: only real TCP sockets are mediated, not other stream protocols. */
const TCP_ONLY = 1;

/** Which rights mediate a socket, or `null` for a socket that Landlock leaves alone. */
function rightsOf(
  behaviour: Behaviour,
  socket: InetSocket,
): { readonly bind: NetRight; readonly connect: NetRight } | null {
  const tcp = socket.type === 'stream' && (socket.protocol === TCP || !fixed(behaviour, TCP_ONLY));
  if (tcp) return { bind: 'net.bind_tcp', connect: 'net.connect_tcp' };
  const udp = socket.type === 'dgram' && socket.protocol === UDP && rung(behaviour).abi >= 10;
  return udp ? { bind: 'net.bind_udp', connect: 'net.connect_send_udp' } : null;
}

/** `bind` to an address. */
export function bind(
  behaviour: Behaviour,
  caller: Credential,
  socket: InetSocket,
  address: SocketAddress,
): Decision {
  const rights = rightsOf(behaviour, socket);
  return rights === null ? ALLOWED : checkAddress(behaviour, caller, socket, address, 'bind', rights.bind);
}

/** `connect` to an address. A UDP socket without a local port needs port 0 too, because the kernel binds it. */
export function connect(
  behaviour: Behaviour,
  caller: Credential,
  socket: InetSocket,
  address: SocketAddress,
): Decision {
  const rights = rightsOf(behaviour, socket);
  if (rights === null) return ALLOWED;
  const decision = checkAddress(behaviour, caller, socket, address, 'connect', rights.connect);
  if (!decision.allowed || rights.bind !== 'net.bind_udp' || address.family === 'unspec') return decision;
  return autobind(behaviour, caller, socket);
}

/**
 * `sendto` and `sendmsg`.
 *
 * @param address `null` for a send without an address.
 * @param fastOpen MSG_FASTOPEN on a TCP socket, which connects.
 */
export function send(
  behaviour: Behaviour,
  caller: Credential,
  socket: InetSocket,
  address: SocketAddress | null,
  fastOpen = false,
): Decision {
  const rights = rightsOf(behaviour, socket);
  if (rights === null) return ALLOWED;
  if (rights.connect === 'net.connect_tcp') {
    if (!fastOpen || address === null || !behaviour.knobs.fastOpen) return ALLOWED;
    return checkAddress(behaviour, caller, socket, address, 'connect', rights.connect);
  }
  if (address === null) return autobind(behaviour, caller, socket);
  const decision = checkAddress(behaviour, caller, socket, address, 'send', rights.connect);
  return decision.allowed ? autobind(behaviour, caller, socket) : decision;
}

function autobind(behaviour: Behaviour, caller: Credential, socket: InetSocket): Decision {
  return socket.bound ? ALLOWED : checkPort(behaviour, caller, socket, 0, 'net.bind_udp', null);
}

function checkAddress(
  behaviour: Behaviour,
  caller: Credential,
  socket: InetSocket,
  address: SocketAddress,
  call: 'bind' | 'connect' | 'send',
  right: NetRight,
): Decision {
  const { domain } = caller;
  if (domain === null || (domain.handledNet & netMask(right)) === 0) return ALLOWED;
  if (address.length < FAMILY_LENGTH) return refuse('EINVAL');
  if (address.family === 'other') return ALLOWED;
  if (address.family === 'unspec') {
    if (call === 'connect') return ALLOWED;
    if (call === 'bind') {
      if (socket.family === 'inet6') return refuse(address.length < INET6_LENGTH ? 'EINVAL' : 'EAFNOSUPPORT');
      if (address.length < INET_LENGTH) return refuse('EINVAL');
      if (address.any !== true) return refuse('EAFNOSUPPORT');
    } else {
      if (socket.family === 'inet6') return checkPort(behaviour, caller, socket, -1, right, null);
      if (address.length < INET_LENGTH) return refuse('EINVAL');
    }
  } else {
    if (address.length < (address.family === 'inet' ? INET_LENGTH : INET6_LENGTH)) return refuse('EINVAL');
    if (address.family !== socket.family) return refuse('EINVAL');
  }
  return checkPort(
    behaviour,
    caller,
    socket,
    address.port,
    right,
    address.family === 'unspec' ? null : address.port,
  );
}

/** Whether every layer grants a right on a port. What is missing is left in `domain.scratch`. */
export function portAllows(domain: Domain, port: number, request: number): boolean {
  const { scratch } = domain;
  scratch.quiet = 0;
  let lacking = 0;
  for (let layer = 0; layer < domain.layers.length; layer++) {
    scratch.missing[layer] = request & domain.layers[layer]!.handledNet;
  }
  const grants = domain.ports.get(port);
  if (grants !== undefined) {
    for (const word of grants) {
      scratch.missing[grantedLayer(word)]! &= ~grantedAccess(word);
      if (grantedQuietly(word)) scratch.quiet |= 1 << grantedLayer(word);
    }
  }
  for (let layer = 0; layer < domain.layers.length; layer++) lacking |= scratch.missing[layer]!;
  return lacking === 0;
}

/**
 * A right on a port.
 *
 * @param named the port to name in the record, `null` for none.
 * @returns allowed, or EACCES.
 */
export function checkPort(
  behaviour: Behaviour,
  caller: Credential,
  socket: InetSocket,
  port: number,
  right: NetRight,
  named: number | null,
): Decision {
  const { domain, sameExec } = caller;
  const asked = netMask(right);
  if (domain === null || portAllows(domain, port, asked)) return ALLOWED;
  const denial = blame(
    { behaviour, domain, sameExec },
    { class: 'net', request: asked, object: { kind: 'port', port: named, socket } },
    domain.scratch.missing,
    domain.scratch.quiet,
  );
  return denied('EACCES', denial!);
}
