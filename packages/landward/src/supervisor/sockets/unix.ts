/**
 * UNIX sockets: connecting and binding by path and by abstract name.
 *
 * A path is found in the target's view, decided on as the object that it is, and used as that object, through this
 * process's descriptor of it. Owns whose sockets count as the run's own.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import { decodeSockaddr, encodeSockaddr } from '../../uapi/sockaddr.ts';
import { AF, SOCK } from '../../uapi/socket.ts';
import { type Answer, type Call, outcome, refuse } from '../call.ts';
import { resolve, resolveEntry } from '../files/resolve.ts';
import type { Place } from '../place.ts';
import { asCaller } from './credentials.ts';
import { inodeOf, ownSockets } from './own.ts';
import { holdersOf } from './peers.ts';
import { cookieOf, type HeldSocket, isBlocking, sendTimeout, withoutWaiting } from './socket.ts';
import { waitFor } from './waiting.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
/** A server that does not accept tells of it by nothing that can be waited for. */
const PAUSE = 5;

/** Where a call on a UNIX socket goes, decided and pinned. */
export type UnixAim =
  | { readonly kind: 'address'; readonly bytes: Uint8Array }
  /** Nothing to decide: malformed, or dissolving an association. */
  | { readonly kind: 'as given' };

/**
 * Decides on the peer of a connect or send.
 *
 * @returns the address to use in place of the target's
 * @throws {Refused} what finding the path or the authority says
 */
export function aimUnix(call: Call, bytes: Uint8Array): UnixAim {
  const address = decodeSockaddr(bytes);
  if (address === null || address.family !== 'unix' || 'unnamed' in address) return { kind: 'as given' };
  if ('abstract' in address) {
    const own = ownSockets(call);
    const holders = holdersOf({ abstract: address.abstract });
    ask(call, {
      at: { abstract: decoder.decode(address.abstract), own: own.holdsAll(holders) },
      ...(holders[0] === undefined ? {} : { peer: { ino: holders[0].ino } }),
    });
    return { kind: 'address', bytes };
  }
  const place = resolve(call, AT_FDCWD, address.path, { follow: true });
  if (place.type === 'sock') askPlace(call, place);
  const path = new TextEncoder().encode(`/proc/self/fd/${place.fd}`);
  return { kind: 'address', bytes: encodeSockaddr({ family: 'unix', path }) };
}

function askPlace(call: Call, place: Place): void {
  const holders = holdersOf({ dev: place.dev, ino: place.ino });
  ask(call, {
    at: { place, own: ownSockets(call).holdsAll(holders) },
    ...(holders[0] === undefined ? {} : { peer: { ino: holders[0].ino } }),
  });
}

function ask(
  call: Call,
  about: Pick<Parameters<Call['run']['authority']['ask']>[1] & { kind: 'unix' }, 'at' | 'peer'>,
): void {
  const { errno } = call.run.authority.ask(call, { kind: 'unix', operation: 'connect', ...about });
  if (errno !== 0) refuse(errno);
}

/** `connect` of a UNIX socket. */
export function connectUnix(call: Call, socket: HeldSocket, bytes: Uint8Array): Answer {
  const aim = aimUnix(call, bytes);
  const address = aim.kind === 'address' ? aim.bytes : bytes;
  const timeout = sendTimeout(socket.fd);
  const deadline = timeout === null ? null : performance.now() + timeout;
  const blocks = socket.type !== SOCK.DGRAM && isBlocking(socket.fd);
  const attemptOnce = (): Answer => {
    const result = asCaller(call, () =>
      withoutWaiting(socket.fd, () => attempt('connect', socket.fd, address, address.length)),
    );
    if (result !== -ERRNO.EAGAIN || !blocks) return outcome(result);
    return waitFor(call, null, { deadline, late: ERRNO.EAGAIN }, attemptOnce, { pause: PAUSE });
  };
  return attemptOnce();
}

/** `bind` of a UNIX socket: makes a socket file, or takes an abstract name. */
export function bindUnix(call: Call, socket: HeldSocket, bytes: Uint8Array): Answer {
  const address = decodeSockaddr(bytes);
  const named = address?.family === 'unix' && bytes[0] === AF.UNIX;
  if (!named) return outcome(attempt('bind', socket.fd, bytes, bytes.length));
  const result =
    'path' in address ? bindPath(call, socket, address.path) : bindAbstract(call, socket, bytes, address);
  if (result >= 0) ownSockets(call).add(cookieOf(socket.fd));
  return outcome(result);
}

function bindAbstract(
  call: Call,
  socket: HeldSocket,
  bytes: Uint8Array,
  address: { readonly abstract: Uint8Array } | { readonly unnamed: true },
): number {
  const abstract = 'abstract' in address ? decoder.decode(address.abstract) : '';
  const own = { ino: inodeOf(socket.fd) };
  const question = { kind: 'unix', operation: 'bind', at: { abstract }, socket: own } as const;
  const { errno } = call.run.authority.ask(call, question);
  if (errno !== 0) refuse(errno);
  return attempt('bind', socket.fd, bytes, bytes.length);
}

function bindPath(call: Call, socket: HeldSocket, path: Uint8Array): number {
  const entry = resolveEntry(call, AT_FDCWD, path);
  if (entry.error !== undefined) refuse(entry.error);
  // A name that is there already is "in use" for sockets, also where it names no entry.
  if (entry.last !== 'name' || entry.object !== null) refuse(ERRNO.EADDRINUSE);
  if (entry.slash) refuse(ERRNO.ENOENT);
  const made = call.run.authority.ask(call, { kind: 'make', entry, right: 'fs.make_sock' });
  if (made.errno !== 0) refuse(made.errno);
  const place = { ...entry.parent, path: entry.path };
  const own = { ino: inodeOf(socket.fd) };
  const question = { kind: 'unix', operation: 'bind', at: { place }, socket: own } as const;
  const bound = call.run.authority.ask(call, question);
  if (bound.errno !== 0) refuse(bound.errno);
  const name = encodeSockaddr({ family: 'unix', path: entry.name });
  return call.target.as(() => {
    // From the pinned directory: the name alone always fits, and cannot lead elsewhere.
    const there = attempt('fchdir', entry.parent.fd);
    if (there < 0) return there;
    const result = attempt('bind', socket.fd, name, name.length);
    attempt('chdir', Uint8Array.of(0x2f, 0));
    return result;
  });
}
