/**
 * The rules of a filter about making sockets and pairs.
 *
 * Owns their order and the kernel's old names. A kind that is let through is asked about where the plan asks about sockets;
 * everything that no rule names is refused.
 */

import { ERRNO } from '../uapi/errno.ts';
import { AF, SOCK, SOCK_TYPE_MASK } from '../uapi/socket.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import { type Action, ALLOW, fail, NOTIFY } from './action.ts';
import { type FilterRule, is } from './rules.ts';
import { type FilterSpec, intersectKinds, type SocketKind } from './spec.ts';

const EACCES = fail(ERRNO.EACCES);

function refuse(name: 'socket' | 'socketpair', because: string): FilterRule {
  return { syscalls: [name], action: EACCES, because };
}

const type = (value: number) => ({ arg: 1, width: 32, mask: SOCK_TYPE_MASK, op: 'eq', value }) as const;

/** Calls that make a socket of some kind. */
function making(syscall: SyscallName, kind: SocketKind, action: Action, because: string): FilterRule {
  return {
    syscalls: [syscall],
    when: [
      is(0, kind.family),
      ...(kind.type === 'any' ? [] : [type(kind.type)]),
      ...(kind.protocol === 'any' ? [] : [is(2, kind.protocol)]),
    ],
    action,
    because,
  };
}

/** What is let through goes on to whoever is asked about it. */
function admitted({ notify }: FilterSpec): Action {
  return notify.includes('socket') ? NOTIFY : ALLOW;
}

/** Which sockets may be made. */
export function socketRules(spec: FilterSpec): FilterRule[] {
  const { sockets, create } = spec;
  if (sockets === 'any' && create === undefined) return [];
  const kinds =
    sockets === 'any' ? create! : create === undefined ? sockets : intersectKinds(sockets, create);
  const admit = (kind: SocketKind) => making('socket', kind, admitted(spec), 'a socket that may be made');
  // The kernel takes this pair for a packet socket.
  const old = (kind: SocketKind) => kind.family === AF.INET && kind.type === SOCK.PACKET;
  const packets = kinds.some(
    (kind) => kind.family === AF.PACKET && kind.type === 'any' && kind.protocol === 'any',
  );
  return [
    ...kinds.filter(old).map(admit),
    // An entry for INET must not open it.
    ...(packets
      ? []
      : [
          {
            syscalls: ['socket'],
            when: [is(0, AF.INET), type(SOCK.PACKET)],
            action: EACCES,
            because: 'is a packet socket',
          } satisfies FilterRule,
        ]),
    ...kinds.filter((kind) => !old(kind)).map(admit),
    refuse('socket', 'a socket that may not be made'),
  ];
}

/** Which pairs may be made. */
export function pairRules(spec: FilterSpec): FilterRule[] {
  const { sockets, unixPairs, create } = spec;
  const pairs: readonly SyscallName[] = ['socketpair'];
  const rest = refuse('socketpair', 'a pair that may not be made');
  // A list of types, not all but datagrams: the kernel makes a datagram pair of SOCK_RAW as well.
  const connected = [SOCK.STREAM, SOCK.SEQPACKET].map(
    (value): SocketKind => ({ family: AF.UNIX, type: value, protocol: 'any' }),
  );
  const any: SocketKind = { family: AF.UNIX, type: 'any', protocol: 'any' };
  const ofUnix = unixPairs === 'any' ? [any] : unixPairs === 'connected' ? connected : [];
  const admit = (kind: SocketKind) => making('socketpair', kind, admitted(spec), 'a pair that may be made');
  if (create !== undefined) {
    const others = sockets === 'any' ? create.filter(({ family }) => family !== AF.UNIX) : [];
    return [...[...intersectKinds(ofUnix, create), ...others].map(admit), rest];
  }
  if (unixPairs === 'any' && sockets === 'any') return [];
  const otherFamilies: FilterRule = {
    syscalls: pairs,
    when: [{ ...is(0, AF.UNIX), op: 'ne' }],
    action: sockets === 'any' ? admitted(spec) : EACCES,
    because: 'a pair of another family',
  };
  return [...ofUnix.map(admit), otherFamilies, rest];
}
