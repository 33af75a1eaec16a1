/**
 * A second opening of an object that is open in this process: the same object, whatever its names mean now.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import type { Call } from '../call.ts';
import { descriptorPath } from './look.ts';

/** Opens an object of this process again, with the target's identity: an owned descriptor or `-errno`. */
export function openAgain(call: Call, fd: number, flags: number): number {
  const result = call.target.as(() => attempt('openat', AT_FDCWD, descriptorPath(fd), flags, 0), {
    umask: false,
  });
  // This process's own shortage is not the target's limit.
  return call.own(result === -ERRNO.EMFILE ? -ERRNO.ENFILE : result);
}
