/**
 * The eight answers to "whose credential decides on a socket", what a layer may say about sockets, and the shapes of a
 * question and its answer. Deciding is `decide.ts`.
 */

import type { Behaviour } from '../landlock/behaviour.ts';
import type { Denial } from '../landlock/decision.ts';
import type { Credential, Node } from '../landlock/domain.ts';
import type { NetSocket, SocketOperation } from './socket.ts';

/**
 * - `caller`: the calling task's layers. What Linux does.
 * - `socket`: the layers under which the socket was made.
 * - `both`: either may refuse.
 * - `ruleset`: each layer says which of the two it looks at.
 * - `new-rights`: `caller`, and layers refuse what they do not grant to sockets made inside of them.
 * - `reconfigure-scope`: `caller`, and a layer may keep its tasks from aiming sockets that were made outside of it.
 * - `transition`: `socket`, where a socket can be given the caller's credential.
 * - `revalidate`: `caller`, and a layer may ask again at each use of a socket that was made outside of it.
 */
export type SocketMode =
  | 'caller'
  | 'socket'
  | 'both'
  | 'ruleset'
  | 'new-rights'
  | 'reconfigure-scope'
  | 'transition'
  | 'revalidate';

export const SOCKET_MODES: readonly SocketMode[] = [
  'caller',
  'socket',
  'both',
  'ruleset',
  'new-rights',
  'reconfigure-scope',
  'transition',
  'revalidate',
];

/** What a layer says about sockets beyond its ruleset. */
export interface LayerSockets {
  /** For the mode `ruleset`. */
  readonly subject: 'caller' | 'socket';
  /** For `new-rights`: the ports that sockets made inside may be bound or connected to; none by default. */
  readonly granted: { readonly bind: ReadonlySet<number>; readonly connect: ReadonlySet<number> };
  /** For `reconfigure-scope`: whether the layer has the scope. */
  readonly reconfigure: boolean;
  /** For `revalidate`: whether the layer asks again, and which descriptors it spares. */
  readonly revalidate: boolean;
  readonly exempt: ReadonlySet<number>;
}

/** A layer that says nothing about sockets beyond its ruleset. */
export const PLAIN_SOCKETS: LayerSockets = {
  subject: 'caller',
  granted: { bind: new Set(), connect: new Set() },
  reconfigure: false,
  revalidate: false,
  exempt: new Set([0, 1, 2]),
};

export interface SocketRules {
  readonly behaviour: Behaviour;
  readonly mode: SocketMode;
  /** What each layer says; `PLAIN_SOCKETS` where it says nothing. */
  readonly layer: (node: Node) => LayerSockets;
}

/** Who stood in the way: the calling task's layers, the socket's, the relation between both, or the lock. */
export type Side = 'caller' | 'socket' | 'relation' | 'lock';

export type SocketDecision =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly errno: number;
      readonly side: Side;
      readonly denials: readonly Denial[];
    };

/** A question about one operation. */
export interface SocketQuestion {
  readonly caller: Credential;
  readonly socket: NetSocket;
  readonly operation: SocketOperation;
  /** The descriptor that is used, where the mode looks at it. */
  readonly fd?: number;
}
