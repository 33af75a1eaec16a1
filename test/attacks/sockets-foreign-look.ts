/**
 * A supervisor that only looks at who made a socket, and lets the kernel run the call. The control of `sockets-foreign.test.ts`;
 * nothing of it is shipped.
 */

import { CONTINUE } from '../../packages/landward/src/supervisor/call.ts';
import { serve } from '../../packages/landward/src/supervisor/serve.ts';
import { socketOf } from '../../packages/landward/src/supervisor/sockets/socket.ts';
import { SOCKET_CALLS } from '../../packages/landward/src/supervisor/sockets/tables.ts';
import { askUse } from '../../packages/landward/src/supervisor/sockets/use-questions.ts';

serve({
  ...SOCKET_CALLS,
  setsockopt: {
    handle: (call) => {
      askUse(call, socketOf(call, call.int(0)), 'configure');
      return CONTINUE;
    },
    held: 'emulated',
    residual: 'holds nothing',
  },
});
