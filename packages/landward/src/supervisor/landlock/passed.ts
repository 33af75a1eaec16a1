/** Sockets that a program hands to another: whoever meets them later must know whose they were. */

import { AF, SO } from '../../uapi/socket.ts';
import type { Call } from '../call.ts';
import { isMember } from '../processes/members.ts';
import { inodeOf } from '../sockets/own.ts';
import { cookieOf, option } from '../sockets/socket.ts';
import { type LandlockRun, landlockOf } from './landlock-run.ts';

/**
 * A descriptor is about to be passed to somebody: a UNIX socket that was not met before is the caller's.
 *
 * @param fd a duplicate of it
 */
export function socketPassed(call: Call, fd: number): void {
  if (call.run.plan.supervisor.landlock === undefined) return;
  const family = option(fd, SO.DOMAIN);
  if (family < 0) return;
  const landlock = landlockOf(call);
  if (family === AF.UNIX) landlock.sockets.met(inodeOf(fd), landlock.caller(call).domain);
  else spread(landlock, fd);
}

/** A descriptor was taken from a process of the run: a UNIX socket that was not met before is that process's. */
export function socketTaken(call: Call, pid: number, fd: number): void {
  if (call.run.plan.supervisor.landlock === undefined) return;
  const family = option(fd, SO.DOMAIN);
  if (family < 0) return;
  const landlock = landlockOf(call);
  if (family !== AF.UNIX) spread(landlock, fd);
  else if (!isMember(call, pid)) landlock.sockets.met(inodeOf(fd), null);
  else landlock.sockets.met(inodeOf(fd), landlock.state(pid)?.credential.domain ?? null);
}

/** Somebody else may hold the socket from now on; only a transition depends on that. */
function spread(landlock: LandlockRun, fd: number): void {
  const cookie = landlock.mode === 'transition' ? cookieOf(fd) : null;
  if (cookie !== null) landlock.known.passed(cookie);
}
