/**
 * As `look-then-continue.ts`, for open files: files are opened and marked as the supervisor does, but nobody else holds
 * what they lack, and a use that looked right is run by the kernel on whatever the descriptor means by then.
 */

import { type Call, type CallTable, CONTINUE } from '../../packages/landward/src/supervisor/call.ts';
import { OPEN_CALLS } from '../../packages/landward/src/supervisor/files/open.ts';
import { IOCTL_CALLS } from '../../packages/landward/src/supervisor/files/opened.ts';
import { placeOf } from '../../packages/landward/src/supervisor/files/place-of.ts';
import { askOpened, lackingOf } from '../../packages/landward/src/supervisor/open-files/marks.ts';
import { serve } from '../../packages/landward/src/supervisor/serve.ts';

/** The call as it would be on a kernel that cannot hold an open file to what it lacks. */
function onOlderKernel(call: Call): Call {
  const plan = { ...call.run.plan, abi: 4 };
  const run = new Proxy(call.run, { get: (of, key) => (key === 'plan' ? plan : bound(of, key)) });
  return new Proxy(call, { get: (of, key) => (key === 'run' ? run : bound(of, key)) });
}

function bound(of: object, key: string | symbol): unknown {
  const value = Reflect.get(of, key, of);
  return typeof value === 'function' ? value.bind(of) : value;
}

function ftruncate(call: Call) {
  const fd = call.target.fd(call.int(0));
  if (!lackingOf(fd).includes('fs.truncate')) return CONTINUE;
  askOpened(call, placeOf(call, fd), fd, { right: 'fs.truncate' });
  return CONTINUE;
}

serve({
  ...IOCTL_CALLS,
  openat: { ...OPEN_CALLS.openat, handle: (call) => OPEN_CALLS.openat.handle(onOlderKernel(call)) },
  ftruncate: { handle: ftruncate, held: 'verified', residual: 'everything' },
} satisfies CallTable);
