/**
 * `bind` and `listen`: what a socket is called by others, and whether others can come.
 *
 * Owns the calls; socket files and abstract names are `unix.ts`.
 */

import { attempt } from '../../kernel/call.ts';
import { AF, SO, SOCK } from '../../uapi/socket.ts';
import { type Answer, type Call, outcome, refuse } from '../call.ts';
import { auditBind, isAuditSocket } from '../landlock/audit-calls.ts';
import { asCaller } from './credentials.ts';
import { aimOf, askInet } from './inet.ts';
import { needsRef } from './made.ts';
import { refOf } from './ref.ts';
import {
  type HeldSocket,
  isInet,
  localAddress,
  modelSocket,
  option,
  readAddress,
  socketOf,
} from './socket.ts';
import { bindUnix } from './unix.ts';
import { askUse } from './use-questions.ts';

/** The call `bind`. */
export function bind(call: Call): Answer {
  const socket = socketOf(call, call.int(0));
  const address = readAddress(call, call.arg(1), call.int(2));
  if (isAuditSocket(call, socket.fd)) return auditBind(call, socket.fd, address);
  if (socket.domain === AF.UNIX) return bindUnix(call, socket, address);
  if (!isInet(socket) || takesAnyPort(call, socket, address)) askUse(call, socket, 'configure');
  else askInet(call, socket, address, 'bind');
  return call.target.as(() => outcome(attempt('bind', socket.fd, address, address.length)));
}

/**
 * Whether a bind gives no more than asking a name server does, which takes a free port by itself. Resolvers bind first and
 * send then.
 */
function takesAnyPort(call: Call, socket: HeldSocket, address: Uint8Array): boolean {
  if (call.run.names === undefined || call.run.plan.supervisor.landlock !== undefined) return false;
  const aim = aimOf(socket, address, 'bind');
  return socket.type === SOCK.DGRAM && aim?.port === 0 && (aim.address === '0.0.0.0' || aim.address === '::');
}

/** The call `listen`. A socket that has no port yet takes a free one, which is as good as binding to it. */
export function listen(call: Call): Answer {
  const socket = socketOf(call, call.int(0));
  askUse(call, socket, 'listen');
  // Landlock itself does not ask here; only the policy does, so a program's own domain is left out.
  if (takesPort(socket) && call.run.layers.length > 0) askFreePort(call, socket);
  else askListening(call, socket);
  // Clients of a UNIX socket are told who listens.
  const act = () => outcome(attempt('listen', socket.fd, call.int(1)));
  return socket.domain === AF.UNIX ? asCaller(call, act) : call.target.as(act);
}

function takesPort(socket: HeldSocket): boolean {
  if (!isInet(socket) || socket.type === SOCK.DGRAM) return false;
  return !modelSocket(socket).bound && option(socket.fd, SO.ACCEPTCONN) !== 1;
}

/** To listen takes no right beyond that of binding; who is asked besides the rules hears of it. */
function askListening(call: Call, socket: HeldSocket): void {
  const { authority } = call.run;
  if (authority.besides === undefined || !isInet(socket) || socket.type === SOCK.DGRAM) return;
  const aim = aimOf(socket, localAddress(socket.fd), 'bind');
  const { errno } = authority.besides(call, {
    kind: 'net',
    right: 'net.bind_tcp',
    address: aim?.address ?? null,
    port: aim?.port ?? 0,
    names: [],
    protocol: socket.protocol,
    implied: true,
  });
  if (errno !== 0) refuse(errno);
}

function askFreePort(call: Call, socket: HeldSocket): void {
  const ref = needsRef(call) ? refOf(socket) : null;
  const { errno } = call.run.authority.ask(call, {
    kind: 'net',
    right: 'net.bind_tcp',
    address: socket.domain === AF.INET6 ? '::' : '0.0.0.0',
    port: 0,
    names: [],
    implied: true,
    ...(ref === null ? {} : { socket: ref }),
  });
  if (errno !== 0) refuse(errno);
}
