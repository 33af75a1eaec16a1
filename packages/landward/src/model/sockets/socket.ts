/**
 * An internet stream or datagram socket as something that is made, aimed, listened on, passed around and dissolved:
 * what the network stack itself answers, so that a whole attack can be played through. Whether Landlock lets an
 * operation pass is `decide.ts`.
 */

import type { SocketAddress } from '../landlock/inet.ts';
import { done, type Result, refused } from '../landlock/result.ts';
import type { Credential, InetSocket } from '../landlock/world.ts';

/** The open file description of a socket; every duplicate and every passed descriptor is the same object. */
export interface NetSocket {
  readonly inet: InetSocket;
  /** The credential that the file carries: of the task that called `socket()` or `accept()`. */
  readonly creator: Credential;
  /** Nobody knows who made it; what would be asked of its creator is refused. */
  readonly unknown?: true;
  readonly state: 'idle' | 'listening' | 'connecting' | 'connected';
  /** The local port that `bind` asked for; it survives dissolving. `null` for none, or for one that the kernel chose. */
  readonly port: number | null;
  /** The remote port while connecting or connected. */
  readonly peer: number | null;
  /** Never to be dissolved or re-aimed again; see `lock`. */
  readonly locked: boolean;
}

export type Shutdown = 'read' | 'write' | 'both';

/** What a task can ask of a socket. */
export type SocketOperation =
  | { readonly kind: 'bind' | 'connect'; readonly address: SocketAddress }
  /** `connect` with AF_UNSPEC. */
  | { readonly kind: 'disassociate' }
  | { readonly kind: 'listen' | 'accept' | 'receive' | 'configure' }
  | { readonly kind: 'shutdown'; readonly how: Shutdown }
  /** `null`: to where the socket is connected. */
  | { readonly kind: 'send'; readonly address: SocketAddress | null };

/** A new socket of a task. */
export function newSocket(creator: Credential, inet: Omit<InetSocket, 'bound'>): NetSocket {
  return { inet: { ...inet, bound: false }, creator, state: 'idle', port: null, peer: null, locked: false };
}

/** Whether a shutdown brings the socket back to where it can be aimed anew: two of the three roads, after AF_UNSPEC. */
export function dissolves(socket: Pick<NetSocket, 'state'>, how: Shutdown): boolean {
  return socket.state === 'connecting' || (socket.state === 'listening' && how !== 'write');
}

function dissolved(socket: NetSocket): NetSocket {
  return { ...socket, state: 'idle', peer: null, inet: { ...socket.inet, bound: socket.port !== null } };
}

/**
 * What the network stack makes of an operation that Landlock let pass.
 *
 * @param pending a connect that is still under way when it returns
 * @returns the socket afterwards, or the stack's errno, such as EINVAL, EISCONN, EALREADY, ENOTCONN, EPIPE
 */
export function perform(socket: NetSocket, operation: SocketOperation, pending = false): Result<NetSocket> {
  const { state } = socket;
  const datagram = socket.inet.type === 'dgram';
  switch (operation.kind) {
    case 'bind':
      if (socket.inet.bound || state !== 'idle') return refused('EINVAL');
      // A port that the kernel chose is given up again when the socket is dissolved.
      return done({ ...socket, port: operation.address.port || null, inet: { ...socket.inet, bound: true } });
    case 'connect':
      if (operation.address.family === 'unspec') return done(dissolved(socket));
      if (state === 'connecting') return refused('EALREADY');
      if (state !== 'idle' && !datagram) return refused('EISCONN');
      return done({
        ...socket,
        state: pending ? 'connecting' : 'connected',
        peer: operation.address.port,
        inet: { ...socket.inet, bound: true },
      });
    case 'disassociate':
      return done(dissolved(socket));
    case 'listen':
      if (datagram) return refused('EOPNOTSUPP');
      if (state === 'connected' || state === 'connecting') return refused('EINVAL');
      return done({ ...socket, state: 'listening', inet: { ...socket.inet, bound: true } });
    case 'shutdown':
      if (state === 'idle') return refused('ENOTCONN');
      return done(dissolves(socket, operation.how) ? dissolved(socket) : socket);
    case 'accept':
      return state === 'listening' ? done(socket) : refused('EINVAL');
    case 'receive':
      return datagram || state === 'connected' ? done(socket) : refused('ENOTCONN');
    case 'send':
      if (datagram && operation.address !== null) {
        return done({ ...socket, inet: { ...socket.inet, bound: true } });
      }
      // A stream ignores an address, unless it opens fast.
      if (state === 'connected') return done(socket);
      return refused(datagram ? 'EDESTADDRREQ' : 'EPIPE');
    case 'configure':
      return done(socket);
  }
}

/** The socket that `accept` gives: its file is made by the task that accepts, like one opened below a directory. */
export function accepted(listener: NetSocket, acceptor: Credential, peer: number): NetSocket {
  const inet = { ...listener.inet, bound: true };
  // It never asked for the listener's port itself, so dissolving it gives the port up.
  return { inet, creator: acceptor, state: 'connected', port: null, peer, locked: false };
}

/**
 * Locks a listening or connected socket in: from then on, through whatever descriptor, it can't be dissolved or aimed
 * anew. Anyone may lock, since it only takes away.
 *
 * @returns the socket, or EINVAL for a socket that has no aim yet
 */
export function lock(socket: NetSocket): Result<NetSocket> {
  return socket.state === 'listening' || socket.state === 'connected'
    ? done({ ...socket, locked: true })
    : refused('EINVAL');
}
