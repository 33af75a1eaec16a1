/**
 * Questions about what is done with a socket besides naming an address.
 *
 * Owns the asking. Sockets of the network and of kernel interfaces are asked about; UNIX sockets have rules of their own, about
 * names.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { AF } from '../../uapi/socket.ts';
import type { Question } from '../authority.ts';
import { type Call, refuse } from '../call.ts';
import { needsRef } from './made.ts';
import { refOf } from './ref.ts';
import type { HeldSocket } from './socket.ts';

type UseQuestion = Extract<Question, { kind: 'socket' }>;

/**
 * Asks whether something may be done with a socket.
 *
 * @throws {Refused} what the authority says; EPERM for a socket that nobody can tell from another
 */
export function askUse(
  call: Call,
  socket: HeldSocket,
  use: UseQuestion['use'],
  how?: UseQuestion['how'],
): void {
  if (socket.domain === AF.UNIX || !needsRef(call)) return;
  const ref = refOf(socket) ?? refuse(ERRNO.EPERM);
  const question = { kind: 'socket', use, socket: ref, ...(how === undefined ? {} : { how }) } as const;
  const { errno } = call.run.authority.ask(call, question);
  if (errno !== 0) refuse(errno);
}
