/**
 * New sockets of programs that use Landlock: under which credential each was made. An accepted socket is made by who
 * accepts it.
 *
 * Owns the moment. It is told before the program has the descriptor, so that no use comes first.
 */

import { AF, SO } from '../../uapi/socket.ts';
import type { Call } from '../call.ts';
import { inodeOf } from '../sockets/own.ts';
import { cookieOf, option } from '../sockets/socket.ts';
import { landlockOf } from './landlock-run.ts';

/**
 * A socket was made for the caller.
 *
 * @param fd the socket in this process
 */
export function socketMade(call: Call, fd: number): void {
  if (call.run.plan.supervisor.landlock === undefined) return;
  const landlock = landlockOf(call);
  const caller = landlock.caller(call);
  const cookie = cookieOf(fd);
  const ino = inodeOf(fd);
  if (cookie !== null) landlock.known.made(cookie, ino, caller);
  if (option(fd, SO.DOMAIN) === AF.UNIX) landlock.sockets.made(ino, caller.domain);
}

/** A socket may have been made that nobody has seen. */
export function socketsLost(call: Call): void {
  if (call.run.plan.supervisor.landlock !== undefined) landlockOf(call).known.lose();
}

/** Whether Landlock's answers about network sockets depend on more than who calls: questions must name the socket then. */
export function looksAtSockets(call: Call): boolean {
  if (call.run.plan.supervisor.landlock === undefined) return false;
  const landlock = landlockOf(call);
  return landlock.mode !== 'caller' || landlock.known.hasLocks;
}
