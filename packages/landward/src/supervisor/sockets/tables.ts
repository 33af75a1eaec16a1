/** The calls on sockets: who handles each, how it is held, and what differs from the kernel's own doing. */

import type { CallTable } from '../call.ts';
import { accept, accept4 } from './accept.ts';
import { bind, listen } from './bind.ts';
import { setsockopt, shutdown } from './configure.ts';
import { connect } from './connect.ts';
import { socket, socketpair } from './make.ts';
import { recvfrom, recvmmsg, recvmsg } from './receive.ts';
import { sendmmsg, sendmsg, sendto } from './send.ts';
import { preadv2, read, readv } from './use/read.ts';
import { getsockopt, ioSubmit, sendfile, splice } from './use/relay.ts';
import { pwritev2, write, writev } from './use/write.ts';

const PEER = 'A peer of a UNIX socket is told the process id of the supervisor; user and group are right.';
const SENT = `${PEER} MSG_ZEROCOPY is answered with ENOBUFS, TCP Fast Open connects first and sends then.`;
const RECEIVED =
  'Only on sockets that ask a name server, and only where the policy has host names; no control data there.';

const USED =
  'Asked about with revalidate only; then reads and writes of any file are made by the supervisor, in pieces, without the job control of terminals.';
const ACCEPTED =
  'A connection that was taken for a program that has no descriptor left, or gives no place for the address, is closed.';

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
    held: 'emulated',
    residual:
      'Source routes (IP_OPTIONS, IPV6_RTHDR and their older forms) are refused with EPERM. Where a layer looks at who configures a socket, values are copied, up to 64 KiB; else the kernel runs the call.',
  },
  shutdown: { handle: shutdown, held: 'emulated', residual: '' },
  socket: {
    handle: socket,
    held: 'emulated',
    residual:
      'A socket belongs to the control group of the supervisor. UNIX sockets and families besides IP, netlink and packet are made by the kernel. A netlink socket of audit reads the denials of the run, and nothing of the kernel.',
  },
  read: { handle: read, held: 'emulated', residual: USED },
  readv: { handle: readv, held: 'emulated', residual: USED },
  preadv2: { handle: preadv2, held: 'emulated', residual: USED },
  write: { handle: write, held: 'emulated', residual: USED },
  writev: { handle: writev, held: 'emulated', residual: USED },
  pwritev2: { handle: pwritev2, held: 'emulated', residual: USED },
  sendfile: { handle: sendfile, held: 'emulated', residual: USED },
  splice: { handle: splice, held: 'emulated', residual: USED },
  io_submit: {
    handle: ioSubmit,
    held: 'refused',
    residual: 'Answered with ENOSYS where each use is asked about.',
  },
  getsockopt: {
    handle: getsockopt,
    held: 'refused',
    residual: 'TCP_ZEROCOPY_RECEIVE is answered with ENOPROTOOPT where each use is asked about.',
  },
  socketpair: { handle: socketpair, held: 'registers', residual: '' },
  accept: { handle: accept, held: 'emulated', residual: ACCEPTED },
  accept4: { handle: accept4, held: 'emulated', residual: ACCEPTED },
} as const satisfies CallTable;
