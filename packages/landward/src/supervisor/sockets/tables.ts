/** The calls on sockets: who handles each, how it is held, and what differs from the kernel's own doing. */

import type { CallTable } from '../call.ts';
import { bind, listen, setsockopt } from './bind.ts';
import { connect } from './connect.ts';
import { recvfrom, recvmmsg, recvmsg } from './receive.ts';
import { sendmmsg, sendmsg, sendto } from './send.ts';

const PEER = 'A peer of a UNIX socket is told the process id of the supervisor; user and group are right.';
const SENT = `${PEER} MSG_ZEROCOPY is answered with ENOBUFS, TCP Fast Open connects first and sends then.`;
const RECEIVED =
  'Only on sockets that ask a name server, and only where the policy has host names; no control data there.';

/** Calls on sockets. */
export const SOCKET_CALLS = {
  connect: { handle: connect, held: 'emulated', residual: PEER },
  bind: {
    handle: bind,
    held: 'emulated',
    residual: 'A socket file is bound from its directory: getsockname tells its last name only.',
  },
  listen: { handle: listen, held: 'emulated', residual: PEER },
  sendto: { handle: sendto, held: 'emulated', residual: SENT },
  sendmsg: { handle: sendmsg, held: 'emulated', residual: SENT },
  sendmmsg: { handle: sendmmsg, held: 'emulated', residual: SENT },
  recvfrom: { handle: recvfrom, held: 'emulated', residual: RECEIVED },
  recvmsg: { handle: recvmsg, held: 'emulated', residual: RECEIVED },
  recvmmsg: { handle: recvmmsg, held: 'emulated', residual: RECEIVED },
  setsockopt: {
    handle: setsockopt,
    held: 'refused',
    residual: 'Source routes (IP_OPTIONS, IPV6_RTHDR and their older forms) are refused with EPERM.',
  },
} as const satisfies CallTable;
