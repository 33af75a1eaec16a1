/** Whose credential decides on a socket: what a room outside of `model` may use of this folder. */

export { decideSocket, reaims } from './decide.ts';
export {
  type LayerSockets,
  PLAIN_SOCKETS,
  type Side,
  SOCKET_MODES,
  type SocketDecision,
  type SocketMode,
  type SocketQuestion,
  type SocketRules,
} from './modes.ts';
export {
  accepted,
  dissolves,
  lock,
  type NetSocket,
  newSocket,
  perform,
  type Shutdown,
  type SocketOperation,
} from './socket.ts';
export { type SocketRow, socketTable } from './table.ts';
export { type Broken, revalidateFile, transition, wouldBreak } from './transition.ts';
