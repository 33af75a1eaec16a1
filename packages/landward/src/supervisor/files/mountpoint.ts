/**
 * Names on which the target has something mounted. The kernel keeps such names, but only for processes of the same mount
 * namespace, and the supervisor may be in another one: removing them from here would take the mount away.
 *
 * Owns this one check. It is made after the decision, where the kernel makes it.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { refuse } from '../call.ts';
import type { Entry } from '../place.ts';
import { lookAtFd } from './look.ts';

/** @throws {Refused} EBUSY where something is mounted on the name */
export function mustNotBeMountpoint({ parent, object }: Entry): void {
  if (object === null) return;
  const [directory, there] = [lookAtFd(parent.fd), lookAtFd(object.fd)];
  if (typeof directory === 'number' || typeof there === 'number') return;
  if (directory.mount !== there.mount) refuse(ERRNO.EBUSY);
}
