/** Whose credential decides on a socket: what a room outside of `model` may use of this folder. */

export {
  decideSocket,
  type LayerSockets,
  PLAIN_SOCKETS,
  reaims,
  type Side,
  SOCKET_MODES,
  type SocketDecision,
  type SocketMode,
  type SocketQuestion,
  type SocketRules,
} from './decide.ts';
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
