/**
 * A supervisor that only looks: it asks about the address that it sees, and lets the kernel run the call. The control of
 * `sockets-flips.ts`; nothing of it is shipped.
 */

import { type Answer, type Call, CONTINUE } from '../../packages/landward/src/supervisor/call.ts';
import { serve } from '../../packages/landward/src/supervisor/serve.ts';
import { askInet } from '../../packages/landward/src/supervisor/sockets/inet.ts';
import { readMessage } from '../../packages/landward/src/supervisor/sockets/message.ts';
import {
  type HeldSocket,
  readAddress,
  socketOf,
} from '../../packages/landward/src/supervisor/sockets/socket.ts';
import { SOCKET_CALLS } from '../../packages/landward/src/supervisor/sockets/tables.ts';
import { aimUnix } from '../../packages/landward/src/supervisor/sockets/unix.ts';
import { AF } from '../../packages/landward/src/uapi/socket.ts';

function look(call: Call, socket: HeldSocket, address: Uint8Array, operation: 'connect' | 'send'): Answer {
  if (socket.domain === AF.UNIX) aimUnix(call, address);
  else askInet(call, socket, address, operation);
  return CONTINUE;
}

const row = (handle: (call: Call) => Answer) =>
  ({ handle, held: 'emulated', residual: 'holds nothing' }) as const;

serve({
  ...SOCKET_CALLS,
  connect: row((call) =>
    look(call, socketOf(call, call.int(0)), readAddress(call, call.arg(1), call.int(2)), 'connect'),
  ),
  sendto: row((call) =>
    look(call, socketOf(call, call.int(0)), readAddress(call, call.arg(4), call.int(5)), 'send'),
  ),
  sendmsg: row((call) =>
    look(call, socketOf(call, call.int(0)), readMessage(call, call.arg(1)).address, 'send'),
  ),
  sendmmsg: row((call) =>
    look(call, socketOf(call, call.int(0)), readMessage(call, call.arg(1)).address, 'send'),
  ),
});
