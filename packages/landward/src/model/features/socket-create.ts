/**
 * The right to create sockets (`socket.create`): rules on family, type and protocol, compared as the kernel stores them.
 *
 * Covers `socket`, `socketpair` and io_uring's socket operation. Sockets that come otherwise are untouched: accepted
 * ones, those received or inherited, and those that the kernel makes for itself.
 */

import { done, type Result, refused } from '../landlock/result.ts';
import { has, type Profile } from './switches.ts';

/** What the call asks for; numbers as the program gave them. */
export interface SocketTriple {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
}

/** A rule; `null` is any. */
export interface SocketRule {
  readonly family: number;
  readonly type: number | null;
  readonly protocol: number | null;
}

export interface SocketLayer {
  /** Whether the layer handles `socket.create`. */
  readonly handled: boolean;
  readonly rules: readonly SocketRule[];
}

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_PACKET = 17;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_SEQPACKET = 5;
const SOCK_PACKET = 10;
const TYPE_MASK = 0xf;
const [TCP, UDP, SCTP] = [6, 17, 132];
const ANY = -1;
const MAX_FAMILY = 255;
const MAX_PROTOCOL = 65_535;
const SOCKET_CREATE = 1n;

/** The triple as the kernel stores it: flags dropped, old names resolved, protocol 0 replaced by the family's default. */
export function canonicalTriple(asked: SocketTriple): SocketTriple {
  const type = asked.type & TYPE_MASK;
  const { family, protocol } = asked;
  if (family === AF_INET && type === SOCK_PACKET) return { family: AF_PACKET, type, protocol };
  if (family === AF_UNIX) {
    return {
      family,
      type: type === SOCK_RAW ? SOCK_DGRAM : type,
      protocol: protocol === AF_UNIX ? 0 : protocol,
    };
  }
  if ((family !== AF_INET && family !== AF_INET6) || protocol !== 0) return { family, type, protocol };
  return { family, type, protocol: defaultProtocol(type) };
}

function defaultProtocol(type: number): number {
  switch (type) {
    case SOCK_STREAM:
      return TCP;
    case SOCK_DGRAM:
      return UDP;
    case SOCK_SEQPACKET:
      return SCTP;
    default:
      return 0;
  }
}

/**
 * Adds a rule as `struct landlock_socket_attr` gives it: -1 is any type or protocol.
 *
 * @returns the layer, or EINVAL for numbers out of range, rights other than the one, or where nothing handles it; ENOMSG
 *   for no right
 */
export function addSocketRule(
  profile: Profile,
  layer: SocketLayer,
  attr: SocketTriple & { readonly allowedAccess: bigint },
): Result<SocketLayer> {
  if (!has(profile, 'socket.create')) return refused('EINVAL');
  if (attr.allowedAccess === 0n) return refused('ENOMSG');
  if (!layer.handled || attr.allowedAccess !== SOCKET_CREATE) return refused('EINVAL');
  const within = (value: number, end: number) => Number.isInteger(value) && value >= 0 && value < end;
  if (!within(attr.family, MAX_FAMILY)) return refused('EINVAL');
  if (attr.type !== ANY && !within(attr.type, MAX_FAMILY)) return refused('EINVAL');
  if (attr.protocol !== ANY && !within(attr.protocol, MAX_PROTOCOL)) return refused('EINVAL');
  return done({ ...layer, rules: [...layer.rules, stored(attr)] });
}

/** A rule in the form that calls are compared in; a wildcard stays one. */
function stored({ family, type, protocol }: SocketTriple): SocketRule {
  const known = canonicalTriple({
    family,
    type: type === ANY ? 0 : type,
    protocol: protocol === ANY ? 0 : protocol,
  });
  return {
    family: known.family,
    type: type === ANY ? null : known.type,
    protocol: protocol === ANY ? null : type === ANY ? protocol : known.protocol,
  };
}

/**
 * Decides the creation of a socket.
 *
 * @returns allowed, or EACCES and the youngest layer that denies — even for triples that no protocol would take
 */
export function decideSocketCreate(
  profile: Profile,
  layers: readonly SocketLayer[],
  asked: SocketTriple,
): { readonly allowed: true } | { readonly allowed: false; readonly errno: 13; readonly layer: number } {
  if (!has(profile, 'socket.create')) return { allowed: true };
  const triple = canonicalTriple(asked);
  const layer = layers.findLastIndex(
    ({ handled, rules }) => handled && !rules.some((rule) => admits(rule, triple)),
  );
  return layer === -1 ? { allowed: true } : { allowed: false, errno: 13, layer };
}

function admits(rule: SocketRule, triple: SocketTriple): boolean {
  return (
    rule.family === triple.family &&
    (rule.type === null || rule.type === triple.type) &&
    (rule.protocol === null || rule.protocol === triple.protocol)
  );
}
