/**
 * Whose credential decides on a socket operation: eight answers to one question. Linux has the first (`caller`); the
 * others are what-if and what a supervisor can hold.
 *
 * In object-capability words: under `caller` a socket carries no authority, whoever calls is asked; under `socket` its
 * authority is fixed when it is made and travels with it. For scopes the client is always the calling task.
 * Rights on ports are decided by `../landlock/inet.ts`; this file only chooses by which layers.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { NET_RIGHTS, type NetRight } from '../../uapi/landlock.ts';
import type { Behaviour } from '../landlock/behaviour.ts';
import { ALLOWED, blameLayers, type Decision, denied } from '../landlock/decision.ts';
import type { Credential, Domain, Layer } from '../landlock/domain.ts';
import { bind, checkPort, connect, type SocketAddress, send } from '../landlock/inet.ts';
import { cutOff, sameAtDepth } from '../landlock/ipc.ts';
import type { Side, SocketDecision, SocketQuestion, SocketRules } from './modes.ts';
import { dissolves, type NetSocket, type SocketOperation } from './socket.ts';

/**
 * Decides one operation on a socket.
 *
 * @returns allowed, or the errno and whose layers refused: EACCES for rights, EPERM for relations and locks, and what
 *   the kernel answers to malformed addresses
 * @example decideSocket({ behaviour: linux(11), mode: 'both', layer: () => PLAIN_SOCKETS }, question)
 */
export function decideSocket(rules: SocketRules, question: SocketQuestion): SocketDecision {
  const { caller, socket, operation } = question;
  if (socket.locked && reaims(socket, operation)) {
    return { allowed: false, errno: 1, side: 'lock', denials: [] };
  }
  const classic = (credential: Credential) => rightsOn(rules.behaviour, credential, socket, operation);
  const bySubject = (credential: Credential, subject: 'caller' | 'socket') =>
    classic(only(credential, (layer) => rules.layer(layer.node).subject === subject));
  const ofSocket = (ask: () => Decision) => fromSocket(socket, operation, ask);
  switch (rules.mode) {
    case 'caller':
      return from('caller', classic(caller));
    case 'socket':
    case 'transition':
      return ofSocket(() => classic(socket.creator));
    case 'both':
      return first(
        () => from('caller', classic(caller)),
        () => ofSocket(() => classic(socket.creator)),
      );
    case 'ruleset':
      return first(
        () => from('caller', bySubject(caller, 'caller')),
        () => ofSocket(() => bySubject(socket.creator, 'socket')),
      );
    case 'new-rights':
      return first(
        () => from('caller', classic(caller)),
        () => ofSocket(() => newRights(rules, socket, operation)),
      );
    case 'reconfigure-scope':
      return first(
        () => from('relation', reconfigure(rules, question)),
        () => from('caller', classic(caller)),
      );
    case 'revalidate':
      return first(
        () => from('caller', classic(caller)),
        () => from('caller', revalidate(rules, question)),
      );
  }
}

function from(side: Side, decision: Decision): SocketDecision {
  if (decision.allowed) return { allowed: true };
  return { allowed: false, errno: decision.errno, side, denials: decision.denials };
}

/** The socket's side. Where nobody knows who made it, what could need a right of its maker is refused. */
function fromSocket(socket: NetSocket, operation: SocketOperation, ask: () => Decision): SocketDecision {
  if (socket.unknown === true && aimOf(operation) !== null)
    return { allowed: false, errno: ERRNO.EACCES, side: 'socket', denials: [] };
  return from('socket', ask());
}

/**
 * The address that an operation takes or reaches; `null` for none. Binding and sending without a family mean IPv4, and an
 * IPv6 socket can become one.
 */
function aimOf(operation: SocketOperation): SocketAddress | null {
  const names = operation.kind === 'bind' || operation.kind === 'connect' || operation.kind === 'send';
  const address = names ? operation.address : null;
  return operation.kind === 'connect' && address?.family === 'unspec' ? null : address;
}

function first(...checks: readonly (() => SocketDecision)[]): SocketDecision {
  for (const check of checks) {
    const decision = check();
    if (!decision.allowed) return decision;
  }
  return { allowed: true };
}

/** What Landlock's own rights say, by one credential. */
function rightsOn(
  behaviour: Behaviour,
  credential: Credential,
  { inet }: NetSocket,
  operation: SocketOperation,
): Decision {
  switch (operation.kind) {
    case 'bind':
      return bind(behaviour, credential, inet, operation.address);
    case 'connect':
      return connect(behaviour, credential, inet, operation.address);
    case 'send':
      return send(behaviour, credential, inet, operation.address);
    default:
      return ALLOWED;
  }
}

/** The same credential with only some layers handling network rights. Places and identities stay, so blame does too. */
function only(credential: Credential, keep: (layer: Layer, index: number) => boolean): Credential {
  const { domain } = credential;
  if (domain === null) return credential;
  const layers = domain.layers.map((layer, index) =>
    keep(layer, index) ? layer : { ...layer, handledNet: 0 },
  );
  const filtered: Domain = {
    ...domain,
    layers,
    handledNet: layers.reduce((mask, layer) => mask | layer.handledNet, 0),
    scratch: { missing: new Uint32Array(layers.length), quiet: 0 },
  };
  return { ...credential, domain: filtered };
}

/** Whether an operation would dissolve the socket's aim or give it another. */
export function reaims(socket: NetSocket, operation: SocketOperation): boolean {
  switch (operation.kind) {
    case 'bind':
    case 'connect':
    case 'disassociate':
    case 'listen':
      return true;
    case 'shutdown':
      return dissolves(socket, operation.how);
    case 'send':
      return operation.address !== null && socket.inet.type === 'dgram';
    default:
      return false;
  }
}

/** The rights that the mode `new-rights` adds: denied by every layer inside of which the socket was made, unless granted. */
function newRights(rules: SocketRules, socket: NetSocket, operation: SocketOperation): Decision {
  const { domain, sameExec } = socket.creator;
  const use = operation.kind === 'bind' ? 'bind' : 'connect';
  const address = aimOf(operation);
  if (domain === null || address === null) return ALLOWED;
  const denying = domain.layers.flatMap((layer, index) =>
    rules.layer(layer.node).granted[use].has(address.port) ? [] : [index],
  );
  if (denying.length === 0) return ALLOWED;
  const request = 1 << NET_RIGHTS[rightOf(socket, use)].bit;
  const object = { kind: 'port', port: address.port, socket: socket.inet } as const;
  const asker = { behaviour: rules.behaviour, domain, sameExec };
  return denied('EACCES', blameLayers(asker, { class: 'net', request, object }, denying));
}

function rightOf(socket: NetSocket, use: 'bind' | 'connect'): NetRight {
  const datagram = socket.inet.type === 'dgram';
  if (use === 'bind') return datagram ? 'net.bind_udp' : 'net.bind_tcp';
  return datagram ? 'net.connect_send_udp' : 'net.connect_tcp';
}

/** The scope of `reconfigure-scope`: the socket must have been made in the layer or below it, as with ptrace. */
function reconfigure(rules: SocketRules, { caller, socket, operation }: SocketQuestion): Decision {
  const { domain, sameExec } = caller;
  const configures = operation.kind === 'configure' || reaims(socket, operation);
  if (domain === null || !configures) return ALLOWED;
  const has = (layer: number) => rules.layer(domain.layers[layer]!.node).reconfigure;
  const layers = cutOff(domain, socket.creator.domain, has);
  if (layers.length === 0) return ALLOWED;
  const object = { kind: 'port', port: null, socket: socket.inet } as const;
  const asker = { behaviour: rules.behaviour, domain, sameExec };
  return denied('EPERM', blameLayers(asker, { class: 'net', request: 0, object }, layers));
}

/** The second look of `revalidate`: at each use, by the layers that ask for it and that the socket was not made in. */
function revalidate(rules: SocketRules, { caller, socket, operation, fd }: SocketQuestion): Decision {
  const { domain } = caller;
  if (domain === null) return ALLOWED;
  const uses = operation.kind === 'receive' || operation.kind === 'send' || operation.kind === 'accept';
  const port = operation.kind === 'accept' ? socket.port : socket.peer;
  if (!uses || port === null) return ALLOWED;
  const asking = only(caller, (layer, index) => {
    const { revalidate: asks, exempt } = rules.layer(layer.node);
    const foreign = !sameAtDepth(domain, socket.creator.domain, index);
    return asks && foreign && !(fd !== undefined && exempt.has(fd));
  });
  const right = rightOf(socket, operation.kind === 'accept' ? 'bind' : 'connect');
  return checkPort(rules.behaviour, asking, socket.inet, port, right, port);
}
