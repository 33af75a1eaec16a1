/**
 * Controlling what is open: `ioctl` on devices, with what the open file keeps from its opening, and the commands that change
 * what is known about a file.
 *
 * Most commands need nothing and are told by their number. The rest is for the kernel to run, since nobody else knows
 * what memory a command means; so the descriptor could be exchanged after it was looked at.
 */

import { attempt } from '../../kernel/call.ts';
import { isFreeIoctl } from '../../model/landlock/ioctl.ts';
import { IOCTL } from '../../uapi/ioctl.ts';
import { type Answer, type Call, type CallTable, CONTINUE } from '../call.ts';
import { keptOf } from '../open-files/kept.ts';
import { askOpened, lackingOf } from '../open-files/marks.ts';
import { setSocketOwner } from '../processes/owners.ts';
import { changeFile } from './metadata.ts';
import { placeOf } from './place-of.ts';

/** Commands that change what is known about a file, and how much memory they read. */
const ATTRIBUTES: ReadonlyMap<number, number> = new Map([
  [IOCTL.FS_IOC_SETFLAGS, 4],
  [IOCTL.EXT4_IOC_SETVERSION, 4],
  [IOCTL.FS_IOC_SETVERSION, 4],
  [IOCTL.FS_IOC_FSSETXATTR, 28],
  [IOCTL.FAT_IOCTL_SET_ATTRIBUTES, 4],
]);

function ioctl(call: Call): Answer {
  const command = call.uint(1);
  if (command === IOCTL.FIOSETOWN || command === IOCTL.SIOCSPGRP) return setSocketOwner(call);
  const bytes = ATTRIBUTES.get(command);
  return bytes === undefined ? control(call, command) : setAttribute(call, command, bytes);
}

/** Performed here: what the descriptor means may change, and the rules about metadata know no right to begin with. */
function setAttribute(call: Call, command: number, bytes: number): Answer {
  const fd = call.target.fd(call.int(0));
  if (lackingOf(fd).includes('fs.ioctl_dev'))
    askOpened(call, placeOf(call, fd), fd, { right: 'fs.ioctl_dev', ioctl: command });
  const content = new Uint8Array(2 * bytes);
  content.set(call.target.read(call.arg(2), bytes));
  return changeFile(call, fd, () => attempt('ioctl', fd, command, content));
}

function control(call: Call, command: number): Answer {
  if (isFreeIoctl(command) || !keptOf(call.run).devices) return CONTINUE;
  const fd = call.target.fd(call.int(0));
  if (!lackingOf(fd).includes('fs.ioctl_dev')) return CONTINUE;
  const at = placeOf(call, fd);
  if (at.type !== 'char' && at.type !== 'block') return CONTINUE;
  askOpened(call, at, fd, { right: 'fs.ioctl_dev', ioctl: command });
  return CONTINUE;
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
