/**
 * A deciding Worker whose `mkdir` opens the file of that name for reading on a thread of the inbox, as handlers do with what may
 * wait: EEXIST where it could be opened. As the caller, or for names that end in `.self` as the supervisor is itself: the control.
 */

import { ARCH } from '../../packages/landward/src/kernel/call.ts';
import { ImageBuilder } from '../../packages/landward/src/kernel/image.ts';
import { becomeCaller } from '../../packages/landward/src/supervisor/as-caller.ts';
import { type Answer, type Call, refuse } from '../../packages/landward/src/supervisor/call.ts';
import { CALLS } from '../../packages/landward/src/supervisor/calls.ts';
import { serve } from '../../packages/landward/src/supervisor/serve.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { AT_FDCWD } from '../../packages/landward/src/uapi/open.ts';

function openInstead(call: Call, index: number): Answer {
  const path = new TextDecoder().decode(call.target.readPath(call.arg(index)));
  const build = new ImageBuilder(ARCH);
  const becoming = path.endsWith('.self') ? null : becomeCaller(call, build);
  build.step('openat', [AT_FDCWD, build.string(path), 0, 0], 'open');
  const image = build.build();
  return call.later({
    image,
    once: becoming?.once ?? false,
    finish: ({ errno }) =>
      refuse(errno !== 0 ? errno : becoming?.succeeded(image) === false ? ERRNO.EPERM : ERRNO.EEXIST),
  });
}

serve({
  ...CALLS,
  mkdir: { handle: (call) => openInstead(call, 0), held: 'emulated', residual: '' },
  mkdirat: { handle: (call) => openInstead(call, 1), held: 'emulated', residual: '' },
});
