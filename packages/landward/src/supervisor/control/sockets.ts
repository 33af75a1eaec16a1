/**
 * What programs that use Landlock ask landward about their sockets: locking one, giving one their own credential, and what
 * a ruleset says about sockets.
 *
 * Owns the reading of arguments and the carrying out; what is allowed is `model/sockets`. All of it is for runs whose
 * programs get their Landlock from the supervisor: elsewhere EOPNOTSUPP.
 */

import {
  type LayerSockets,
  lock,
  PLAIN_SOCKETS,
  type SocketMode,
  transition,
} from '../../model/sockets/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { RULESET_SOCKETS, SOCKET_MODE } from '../../uapi/landward.ts';
import { AF, IPPROTO } from '../../uapi/socket.ts';
import type { SocketRef } from '../authority.ts';
import { type Call, DONE, type Handler, refuse } from '../call.ts';
import { denialOf } from '../denial-event.ts';
import { objectOf } from '../denial-object.ts';
import { rulesetArgument } from '../landlock/calls.ts';
import { isOnlyHolder } from '../landlock/holders.ts';
import { type LandlockRun, landlockOf } from '../landlock/landlock-run.ts';
import { inodeOf } from '../sockets/own.ts';
import { refOf } from '../sockets/ref.ts';
import { type HeldSocket, socketOf } from '../sockets/socket.ts';

const PORT_MAX = 0xffff;

function landlockFor(call: Call): LandlockRun {
  return call.run.plan.supervisor.landlock === undefined ? refuse(ERRNO.EOPNOTSUPP) : landlockOf(call);
}

/** The socket in the first argument, which has to be TCP or UDP: only their ways are all asked about. */
function socketArgument(call: Call): { readonly held: HeldSocket; readonly ref: SocketRef } {
  if (call.arg(3) !== 0 || call.arg(4) !== 0) refuse(ERRNO.EINVAL);
  const number = call.int(2);
  const held = socketOf(call, number);
  const { domain, protocol } = held;
  const inet = domain === AF.INET || domain === AF.INET6;
  if (!inet || (protocol !== IPPROTO.TCP && protocol !== IPPROTO.UDP)) refuse(ERRNO.EOPNOTSUPP);
  return { held, ref: refOf(held, number) ?? refuse(ERRNO.EOPNOTSUPP) };
}

/** `SOCKET_MODE`. */
export const socketMode: Handler = (call) => {
  if ([2, 3, 4].some((index) => call.arg(index) !== 0)) return refuse(ERRNO.EINVAL);
  return { kind: 'value', value: SOCKET_MODE[landlockFor(call).mode] };
};

/** `SOCKET_LOCK`: EINVAL for a socket that has no aim yet, ENOMEM where a run has too many locks. */
export const lockSocket: Handler = (call) => {
  const landlock = landlockFor(call);
  const { ref } = socketArgument(call);
  // Who may not configure a socket may not take its ways from its maker either.
  const { errno } = call.run.authority.ask(call, { kind: 'socket', use: 'configure', socket: ref });
  if (errno !== 0) return refuse(errno);
  const locked = lock(landlock.known.socket(ref));
  if (!locked.ok) return refuse(locked.errno);
  return landlock.known.lock(ref.cookie) ? DONE : refuse(ERRNO.ENOMEM);
};

/** `SOCKET_MOVE`: EPERM where neither relation nor sole use allows it. */
export const moveSocket: Handler = (call) => {
  const landlock = landlockFor(call);
  if (landlock.mode !== 'transition') return refuse(ERRNO.EOPNOTSUPP);
  const { held, ref } = socketArgument(call);
  const caller = landlock.caller(call);
  const socket = landlock.known.socket(ref);
  const ino = inodeOf(held.fd);
  const own = transition(caller, socket, false);
  const moved = own.ok
    ? own
    : transition(
        caller,
        socket,
        call.target.asSupervisor(() => isOnlyHolder(call, landlock, { cookie: ref.cookie, ino })),
      );
  if (!moved.ok) return refused(call, ref, moved.errno);
  landlock.known.made(ref.cookie, ino, caller);
  return DONE;
};

function refused(call: Call, socket: SocketRef, errno: number): never {
  const object = objectOf({ kind: 'socket', use: 'configure', socket });
  const event = denialOf(call, { effect: 'denied', errno, object, missing: ['socket.move'] });
  call.run.report({ ...event, side: 'relation' });
  return refuse(errno);
}

const { SUBJECT_SOCKET, RECONFIGURE, REVALIDATE, REVALIDATE_ALL, GRANT_BIND, GRANT_CONNECT } =
  RULESET_SOCKETS;
const GRANTS = GRANT_BIND | GRANT_CONNECT;

/** The flags that mean something in each mode. */
const MEANINGFUL: Partial<Record<SocketMode, number>> = {
  ruleset: SUBJECT_SOCKET,
  'reconfigure-scope': RECONFIGURE,
  revalidate: REVALIDATE | REVALIDATE_ALL,
  'new-rights': GRANTS,
};

const EVERY = SUBJECT_SOCKET | RECONFIGURE | REVALIDATE | REVALIDATE_ALL | GRANTS;

/**
 * `RULESET_SOCKETS`: EINVAL for unknown flags, EOPNOTSUPP for flags that the run's mode does not look at, EBADF, EBADFD and
 * EPERM as `landlock_add_rule`.
 */
export const rulesetSockets: Handler = (call) => {
  const landlock = landlockFor(call);
  const [number, flags, port] = [call.int(2), call.uint(3), call.arg(4)];
  const granting = (flags & GRANTS) !== 0;
  const both = REVALIDATE | REVALIDATE_ALL;
  if ((flags & ~EVERY) !== 0 || (flags & both) === both) return refuse(ERRNO.EINVAL);
  if (granting ? (flags & ~GRANTS) !== 0 || port > PORT_MAX : port !== 0) return refuse(ERRNO.EINVAL);
  if ((flags & ~(MEANINGFUL[landlock.mode] ?? 0)) !== 0) return refuse(ERRNO.EOPNOTSUPP);
  const [fd, held] = rulesetArgument(call, landlock, number);
  if (held === null) return refuse(fd.kind === 'closed' ? ERRNO.EBADF : ERRNO.EBADFD);
  if (fd.kind !== 'ruleset' || !fd.write) return refuse(ERRNO.EPERM);
  const before = held.sockets ?? PLAIN_SOCKETS;
  held.sockets = granting ? granted(before, flags, port) : attributes(before, flags);
  return DONE;
};

function granted({ granted: { bind, connect }, ...rest }: LayerSockets, flags: number, port: number) {
  const added = (ports: ReadonlySet<number>, flag: number) =>
    (flags & flag) === 0 ? ports : new Set([...ports, port]);
  return { ...rest, granted: { bind: added(bind, GRANT_BIND), connect: added(connect, GRANT_CONNECT) } };
}

function attributes(before: LayerSockets, flags: number): LayerSockets {
  return {
    ...before,
    subject: (flags & SUBJECT_SOCKET) === 0 ? 'caller' : 'socket',
    reconfigure: (flags & RECONFIGURE) !== 0,
    revalidate: (flags & (REVALIDATE | REVALIDATE_ALL)) !== 0,
    exempt: (flags & REVALIDATE_ALL) === 0 ? PLAIN_SOCKETS.exempt : new Set(),
  };
}
