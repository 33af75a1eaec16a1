/**
 * Name servers: what a program sends to one goes to landward's own, and what comes back seems to come from the one that
 * was asked, because resolvers compare.
 *
 * Owns the exchange of addresses. Which names are answered is `names/`.
 */

import { attempt } from '../../kernel/call.ts';
import { decideAddress, decideName } from '../../model/rules/names.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { encodeSockaddr } from '../../uapi/sockaddr.ts';
import { AF, SOCK } from '../../uapi/socket.ts';
import { type Call, refuse } from '../call.ts';
import { denialOf } from '../denial-event.ts';
import type { NameView } from '../names/view.ts';
import { aimOf, type Operation, questionOf } from './inet.ts';
import { cookieOf, type HeldSocket, localAddress } from './socket.ts';

const DNS_PORT = 53;
const IPV6 = { level: 41, v6only: 26 } as const;
const KEY = Symbol('resolvers');
/** More sockets than a program has open at once; the oldest are forgotten. */
const MOST = 4096;
const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** The sockets of a run that speak to landward's name server, and whom they believe to speak to. */
export class StoodIn implements Disposable {
  readonly #asked = new Map<bigint, Uint8Array>();

  get isEmpty(): boolean {
    return this.#asked.size === 0;
  }

  add(cookie: bigint, address: Uint8Array): void {
    this.#asked.delete(cookie);
    this.#asked.set(cookie, address);
    if (this.#asked.size > MOST) this.#asked.delete(this.#asked.keys().next().value!);
  }

  /** The address that the program asked, on this socket, last. */
  of(cookie: bigint): Uint8Array | undefined {
    return this.#asked.get(cookie);
  }

  [Symbol.dispose](): void {
    this.#asked.clear();
  }
}

/** A call that goes to landward's name server. */
export interface StandIn {
  /** Where to, in place of the target's address. */
  readonly address: Uint8Array;
  /** To be called once the socket has a port: names that are refused to it are reported. */
  begun(): void;
}

/** The sockets of a run that were turned to landward's name server. */
export function stoodIn(call: Call): StoodIn {
  return call.run.state(KEY, () => new StoodIn());
}

/**
 * Where a call to a name server of this machine goes instead.
 *
 * A policy that allows the name server by its address has every name passed on; any other has only the names answered
 * that it allows.
 *
 * @returns `null` where the call is none of that
 */
export function standIn(
  call: Call,
  socket: HeldSocket,
  address: Uint8Array,
  operation: Exclude<Operation, 'bind'>,
): StandIn | null {
  const { names } = call.run;
  if (names === undefined || (socket.type !== SOCK.DGRAM && socket.type !== SOCK.STREAM)) return null;
  const aim = aimOf(socket, address, operation);
  if (aim === null || aim.port !== DNS_PORT || !names.isResolver(aim.address)) return null;
  const question = questionOf(call, socket, address, operation, aim);
  const { authority } = call.run;
  // Programs and functions have no say in `would`, and may be about name servers all the same. A trial asks all names.
  const tries = call.run.plan.supervisor.mode === 'observe';
  const allowed =
    question === null ||
    (authority.would(call, question).errno === 0 && (tries || authority.ask(call, question).errno === 0));
  const port = allowed ? names.ports.open : names.ports.strict;
  if (socket.type === SOCK.DGRAM) {
    const cookie = cookieOf(socket.fd);
    if (cookie === null) refuse(ERRNO.EACCES);
    stoodIn(call).add(cookie!, canonical(socket, address));
  }
  return { address: ownAddress(socket, address, port), begun: () => listenForRefusals(call, names, socket) };
}

/** The address as the kernel would tell it of a sender. */
function canonical(socket: HeldSocket, address: Uint8Array): Uint8Array {
  const size = address[0] === AF.INET6 ? 28 : 16;
  const whole = new Uint8Array(size);
  whole.set(address.subarray(0, size));
  if (whole[0] === AF.UNSPEC) whole[0] = AF.INET;
  return socket.domain === AF.INET && size === 16 ? whole.fill(0, 8) : whole;
}

/** Landward's name server in the form that the socket takes. */
function ownAddress(socket: HeldSocket, asked: Uint8Array, port: number): Uint8Array {
  if (socket.domain !== AF.INET6 || asked[0] !== AF.INET6)
    return encodeSockaddr({ family: 'inet', address: LOOPBACK4, port });
  return encodeSockaddr({ family: 'inet6', address: onlyIpv6(socket.fd) ? LOOPBACK6 : MAPPED, port });
}

function onlyIpv6(fd: number): boolean {
  const value = new Int32Array(1);
  const length = Uint32Array.of(4);
  return attempt('getsockopt', fd, IPV6.level, IPV6.v6only, value, length) === 0 && value[0] === 1;
}

/** Reports the names that are refused to the asker behind a socket's port. */
function listenForRefusals(call: Call, names: NameView, { fd }: HeldSocket): void {
  const local = localAddress(fd);
  if (local.length < 4) return;
  // The asker may be gone when it is refused, so who it is is looked up now.
  const { process } = denialOf(call, { effect: 'denied', errno: 0, object: { kind: 'none' }, missing: [] });
  names.claim((local[2]! << 8) | local[3]!, ({ name, address }) => {
    const { run } = call;
    const decision = address === undefined ? decideName(run.index, name) : decideAddress(run.index, address);
    const event = denialOf(call, {
      effect: run.plan.supervisor.mode === 'observe' ? 'observed' : 'denied',
      errno: ERRNO.ENOENT,
      object: { kind: 'net', name, ...(address === undefined ? {} : { address }) },
      missing: decision.blame.missing,
      decision,
    });
    run.report({ ...event, ...(process === undefined ? {} : { process }) });
  });
}

/** Whether a sender is landward's name server. */
export function isOwn(names: NameView, sender: Uint8Array): boolean {
  if (sender.length < 16) return false;
  const port = (sender[2]! << 8) | sender[3]!;
  if (port !== names.ports.strict && port !== names.ports.open) return false;
  if (sender[0] === AF.INET) return LOOPBACK4.every((byte, at) => sender[4 + at] === byte);
  const host = sender.subarray(8, 24);
  return [MAPPED, LOOPBACK6].some((own) => own.every((byte, at) => host[at] === byte));
}
