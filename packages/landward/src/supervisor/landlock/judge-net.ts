/**
 * Questions about the network as the model takes them: the attempt as the program made it, or only a right on a port; and
 * with the socket, wherever more than the caller's credential may count.
 *
 * Owns the translation. Whose credential decides is `model/sockets`.
 */

import {
  ALLOWED,
  type Behaviour,
  bind,
  type Credential,
  connect,
  type Decision,
  type InetSocket,
  send,
} from '../../model/landlock/index.ts';
import { decideSocket, type SocketDecision, type SocketOperation } from '../../model/sockets/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { Question, SocketRef } from '../authority.ts';
import { type Call, refuse } from '../call.ts';
import { runSocket } from '../sockets/made.ts';
import type { LandlockRun } from './landlock-run.ts';

type NetQuestion = Extract<Question, { kind: 'net' }>;
type UseQuestion = Extract<Question, { kind: 'socket' }>;

/** Whether more is asked than Linux asks: then callers without a domain can be refused, too. */
export function asksSockets({ mode, known }: LandlockRun): boolean {
  return mode !== 'caller' || known.hasLocks;
}

/**
 * Asks the model about a question of the network.
 *
 * @throws {Refused} EPERM for a socket that the kernel gives no cookie, where it matters which one it is
 */
export function judgeNet(
  call: Call,
  landlock: LandlockRun,
  caller: Credential,
  question: NetQuestion | UseQuestion,
): SocketDecision | Decision {
  if (!asksSockets(landlock))
    return question.kind === 'net' ? judgeCaller(landlock.behaviour, caller, question) : ALLOWED;
  const operation = question.kind === 'net' ? operationOf(question) : useOf(question);
  if (operation === null) return ALLOWED;
  const ref: SocketRef = question.socket ?? refuse(ERRNO.EPERM);
  const { behaviour, mode } = landlock;
  const known = landlock.known.socket(ref);
  const inet = question.kind === 'net' && question.attempt !== undefined ? question.attempt.socket : ref.inet;
  return decideSocket(
    { behaviour, mode, layer: (node) => landlock.says(node) },
    { caller, socket: { ...known, inet }, operation, ...startedAs(call, ref) },
  );
}

/**
 * The descriptor that a layer may spare: what the program was started with under that number. The number of now says nothing,
 * since `dup2` gives it to any socket.
 */
function startedAs(call: Call, ref: SocketRef): { readonly fd?: number } {
  const fd = runSocket(call.run, ref).startedAs.find((number) => number === ref.fd);
  return fd === undefined ? {} : { fd };
}

/** What is done with an address; `null` for a bind or connect without one, which the kernel refuses. */
function operationOf({ right, port, attempt }: NetQuestion): SocketOperation | null {
  if (attempt === undefined) {
    const kind = right.startsWith('net.bind') ? 'bind' : right === 'net.connect_tcp' ? 'connect' : 'send';
    return { kind, address: { length: 16, family: 'inet', port } };
  }
  const { call, given, fastOpen, socket } = attempt;
  // Sending that opens a connection is a connect.
  if (call === 'send')
    return fastOpen === true && socket.type === 'stream' && given !== null
      ? { kind: 'connect', address: given }
      : { kind: 'send', address: given };
  return given === null ? null : { kind: call, address: given };
}

function useOf({ use, how }: UseQuestion): SocketOperation {
  switch (use) {
    case 'shutdown':
      return { kind: use, how: how ?? 'both' };
    case 'send':
      return { kind: use, address: null };
    default:
      return { kind: use };
  }
}

/** What Linux asks. */
function judgeCaller(
  behaviour: Behaviour,
  caller: Credential,
  { right, port, attempt }: NetQuestion,
): Decision {
  if (attempt === undefined) {
    const tcp = right === 'net.bind_tcp' || right === 'net.connect_tcp';
    const socket: InetSocket = {
      family: 'inet',
      type: tcp ? 'stream' : 'dgram',
      protocol: tcp ? 6 : 17,
      bound: true,
    };
    const address = { length: 16, family: 'inet', port } as const;
    return right.startsWith('net.bind')
      ? bind(behaviour, caller, socket, address)
      : tcp
        ? connect(behaviour, caller, socket, address)
        : send(behaviour, caller, socket, address);
  }
  const { call, socket, given, fastOpen } = attempt;
  switch (call) {
    case 'bind':
      return given === null ? ALLOWED : bind(behaviour, caller, socket, given);
    case 'connect':
      return given === null ? ALLOWED : connect(behaviour, caller, socket, given);
    case 'send':
      return send(behaviour, caller, socket, given, fastOpen === true);
  }
}
