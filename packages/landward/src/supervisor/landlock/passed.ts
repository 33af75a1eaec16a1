/** Sockets that a program hands to another: whoever meets them later must know whose they were. */

import { AF, SO } from '../../uapi/socket.ts';
import type { Call } from '../call.ts';
import { isMember } from '../processes/members.ts';
import { inodeOf } from '../sockets/own.ts';
import { option } from '../sockets/socket.ts';
import { landlockOf } from './landlock-run.ts';

/**
 * A descriptor is about to be passed to somebody: a UNIX socket that was not met before is the caller's.
 *
 * @param fd a duplicate of it
 */
export function socketPassed(call: Call, fd: number): void {
  if (call.run.plan.supervisor.landlock === undefined || option(fd, SO.DOMAIN) !== AF.UNIX) return;
  const landlock = landlockOf(call);
  landlock.sockets.met(inodeOf(fd), landlock.caller(call).domain);
}

/** A descriptor was taken from a process of the run: a UNIX socket that was not met before is that process's. */
export function socketTaken(call: Call, pid: number, fd: number): void {
  if (call.run.plan.supervisor.landlock === undefined || option(fd, SO.DOMAIN) !== AF.UNIX) return;
  const landlock = landlockOf(call);
  if (!isMember(call, pid)) landlock.sockets.met(inodeOf(fd), null);
  else landlock.sockets.met(inodeOf(fd), landlock.state(pid)?.credential.domain ?? null);
}
