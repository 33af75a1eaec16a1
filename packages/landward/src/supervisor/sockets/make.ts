/**
 * `socket` and `socketpair`: performed here, so that who made a socket is written down before any program has it.
 *
 * Owns those calls, and which kinds are made here. Every other kind the kernel makes by its registers; it counts as one that
 * nobody has seen made, or as one from outside where only layers about network addresses would care.
 */

import { attempt } from '../../kernel/call.ts';
import { AF, SOCK_FLAG, SOCK_TYPE_MASK } from '../../uapi/socket.ts';
import { type Answer, type Call, CONTINUE, refuse } from '../call.ts';
import { auditSocket } from '../landlock/audit-calls.ts';
import { readProcLink } from '../target/proc.ts';
import { asCaller } from './credentials.ts';
import { lost, noteMade } from './made.ts';

/** Families whose sockets layers look at. UNIX sockets only where programs use Landlock. */
const MADE_HERE: ReadonlySet<number> = new Set([AF.INET, AF.INET6, AF.NETLINK, AF.PACKET, AF.SMC]);

/** The call `socket`. Decided on registers alone. */
export function socket(call: Call): Answer {
  const [family, type, protocol] = [call.int(0), call.int(1), call.int(2)];
  askCreate(call, family, type, protocol);
  const audit = auditSocket(call);
  if (audit !== null) return audit;
  const { landlock, groups } = call.run.plan.supervisor;
  const unix = family === AF.UNIX && landlock !== undefined;
  if (!groups.includes('socket') || !(MADE_HERE.has(family) || unix)) return CONTINUE;
  if (!isHere(call)) {
    lost(call);
    return CONTINUE;
  }
  const made = asCaller(call, () => attempt('socket', family, type | SOCK_FLAG.CLOEXEC, protocol));
  if (made < 0) return refuse(-made);
  const fd = call.own(made);
  noteMade(call, fd);
  return { kind: 'fd', fd, cloexec: (type & SOCK_FLAG.CLOEXEC) !== 0 };
}

/** The call `socketpair`: only UNIX sockets come in pairs, and their names are asked about when they get some. */
export function socketpair(call: Call): Answer {
  askCreate(call, call.int(0), call.int(1), call.int(2));
  return CONTINUE;
}

function askCreate(call: Call, family: number, type: number, protocol: number): void {
  const triple = { family, type: type & SOCK_TYPE_MASK, protocol };
  const { errno } = call.run.authority.ask(call, { kind: 'socket-create', triple });
  if (errno !== 0) refuse(errno);
}

/** Whether the caller's network is this thread's: a socket that is made here must not lead out of the caller's. */
function isHere(call: Call): boolean {
  const of = (tid: number | 'thread-self') =>
    call.target.asSupervisor(() => readProcLink(`/proc/${tid}/ns/net`));
  const own = of('thread-self');
  return own !== null && own === of(call.target.tid);
}
