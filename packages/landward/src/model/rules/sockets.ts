/**
 * What the layers of a policy say about a socket beyond addresses and ports: which layers are asked at all, given where the
 * socket was made, and what they refuse whatever the address is.
 *
 * What the rules say of an address stays with `../decide-rules.ts`; that every socket has a maker, and what the kernel says of
 * its state, is for whoever asks to know. What is not known is taken for what is stricter.
 */

import { decideSocketCreate, PROFILES, type SocketTriple } from '../features/index.ts';
import type { RuleLayer, SocketControl } from '../rules.ts';
import type { Side } from '../sockets/modes.ts';

/** A socket in view of the layers of a run. */
export interface RunSocket {
  /**
   * How many layers the run had when the socket was made: it was made inside of those. 0 for a socket from outside, `null`
   * where that is not known.
   */
  readonly madeIn: number | null;
  readonly type: 'stream' | 'dgram' | 'other';
  readonly state: 'idle' | 'listening' | 'connecting' | 'connected';
  /** Whether it ever listened or was connected, though it may look idle now. */
  readonly aimed: 'yes' | 'no' | 'maybe';
  /** The descriptors as which the program was started with it. */
  readonly startedAs: readonly number[];
}

/** What is done with a socket. `send-to` names an address, `send` goes to where the socket is connected. */
export type SocketUse =
  | 'bind'
  | 'connect'
  | 'send-to'
  | 'disassociate'
  | 'listen'
  | 'shutdown'
  | 'accept'
  | 'send'
  | 'receive'
  | 'configure';

/** A refusal that no address would change. */
export interface ControlRefusal {
  readonly errno: 1 | 13;
  readonly side: Side;
  readonly layer: number;
  readonly name: string;
  readonly missing: 'socket.aim' | 'socket.lock' | 'socket.create';
  /** What the layer says. */
  readonly control: SocketControl;
}

/** Whose rules a layer asks: of the caller, of who made the socket; `null` where it has no say. */
export function sideOf(layer: RuleLayer, index: number, socket: RunSocket): 'caller' | 'socket' | null {
  switch (layer.sockets?.subject) {
    case 'socket':
      return isInside(socket, index) === false ? null : 'socket';
    default:
      // Every caller of a run is inside of all its layers, so that "both" is the caller's answer at least.
      return 'caller';
  }
}

/** Whether a socket was made inside of a layer; `undefined` where that is not known. */
export function isInside({ madeIn }: RunSocket, layer: number): boolean | undefined {
  return madeIn === null ? undefined : madeIn > layer;
}

/**
 * What the layers refuse whatever the address is: locks first, then who may aim.
 *
 * @param dissolves of a shutdown: whether it would bring the socket back to where it can be aimed anew
 * @returns the refusal of the youngest layer, or `null`
 */
export function decideControls(
  layers: readonly RuleLayer[],
  socket: RunSocket,
  use: SocketUse,
  dissolves = false,
): ControlRefusal | null {
  return (
    refusal(layers, ({ lock }) => lock && breaksLock(socket, use, dissolves), 'lock', 'socket.lock') ??
    refusal(
      layers,
      ({ aim }, index) =>
        aim === 'own' && configures(socket, use, dissolves) && isInside(socket, index) !== true,
      'relation',
      'socket.aim',
    )
  );
}

function refusal(
  layers: readonly RuleLayer[],
  refuses: (control: SocketControl, layer: number) => boolean,
  side: Side,
  missing: ControlRefusal['missing'],
): ControlRefusal | null {
  const layer = layers.findLastIndex(
    ({ sockets }, index) => sockets !== undefined && refuses(sockets, index),
  );
  if (layer === -1) return null;
  const { name, sockets } = layers[layer]!;
  return { errno: side === 'caller' ? 13 : 1, side, layer, name, missing, control: sockets! };
}

/**
 * Whether something would dissolve what a socket is, or give it another aim. A stream that has one is not connected anew by
 * any kernel, so that programs that ask how their connecting goes get the kernel's answer.
 */
function breaksLock(socket: RunSocket, use: SocketUse, dissolves: boolean): boolean {
  const { state, aimed, type } = socket;
  const has = state !== 'idle' || aimed === 'yes';
  switch (use) {
    case 'disassociate':
      return has || (aimed === 'maybe' && type !== 'dgram');
    case 'shutdown':
      return dissolves;
    case 'bind':
      return has;
    case 'listen':
      return has && state !== 'listening';
    case 'connect':
    case 'send-to':
      return has && type !== 'stream';
    default:
      return false;
  }
}

/** Whether something aims or configures a socket; what only uses it does not. */
function configures({ type }: RunSocket, use: SocketUse, dissolves: boolean): boolean {
  switch (use) {
    case 'bind':
    case 'connect':
    case 'disassociate':
    case 'listen':
    case 'configure':
      return true;
    case 'shutdown':
      return dissolves;
    case 'send-to':
      return type !== 'stream';
    default:
      return false;
  }
}

/** Whether a layer asks again at each use of a socket: it was made outside, and the layer does not spare it. */
export function asksAgain(layer: RuleLayer, index: number, socket: RunSocket): boolean {
  const again = layer.sockets?.revalidate;
  if (again === undefined || isInside(socket, index) === true) return false;
  return !socket.startedAs.some((number) => again.exempt.includes(number));
}

/**
 * Decides on a new socket or pair, by the kinds that the layers list.
 *
 * @param asked family, type and protocol as the call has them
 * @returns the refusal of the youngest layer that lists kinds and not this one, or `null`
 */
export function decideCreate(layers: readonly RuleLayer[], asked: SocketTriple): ControlRefusal | null {
  const decision = decideSocketCreate(
    PROFILES.landward,
    layers.map(({ sockets }) => ({ handled: sockets?.create !== undefined, rules: sockets?.create ?? [] })),
    asked,
  );
  if (decision.allowed) return null;
  const { name, sockets } = layers[decision.layer]!;
  return {
    errno: decision.errno,
    side: 'caller',
    layer: decision.layer,
    name,
    missing: 'socket.create',
    control: sockets!,
  };
}
