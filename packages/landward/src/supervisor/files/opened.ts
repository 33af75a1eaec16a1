/**
 * Controlling devices that are open: `ioctl` with what the open file keeps from its opening.
 *
 * Most commands need nothing and are told by their number. The rest is for the kernel to run, since nobody else knows
 * what memory a command means; so the descriptor could be exchanged after it was looked at.
 */

import { isFreeIoctl } from '../../model/landlock/ioctl.ts';
import { type Answer, type Call, type CallTable, CONTINUE } from '../call.ts';
import { keptOf } from '../open-files/kept.ts';
import { lackingOf, refuseOpened } from '../open-files/marks.ts';
import { placeOf } from './place-of.ts';

function ioctl(call: Call): Answer {
  const command = call.uint(1);
  if (isFreeIoctl(command) || !keptOf(call.run).devices) return CONTINUE;
  const fd = call.target.fd(call.int(0));
  if (!lackingOf(fd).includes('fs.ioctl_dev')) return CONTINUE;
  const at = placeOf(call, fd);
  if (at.type !== 'char' && at.type !== 'block') return CONTINUE;
  return refuseOpened(call, at, fd, { right: 'fs.ioctl_dev', ioctl: command });
}

/** The handler of `ioctl`, a part of the group `opened`. */
export const IOCTL_CALLS = {
  ioctl: {
    handle: ioctl,
    held: 'registers',
    residual:
      'Before Landlock ABI 5 a program with threads can exchange the descriptor of a device that it may control for one that it may not while the call starts.',
  },
} as const satisfies CallTable;
