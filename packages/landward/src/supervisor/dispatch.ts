/**
 * From a notified call to its answer: finds the handler, turns what it throws into an errno, answers, closes the scope.
 *
 * Fails closed: a call without a handler, a defect in a handler and a target that cannot be looked into are denied. The
 * kernel runs a call only where a handler says so.
 */

import { addFd, sendContinue, sendErrno, sendValue } from '../kernel/notify.ts';
import { ERRNO } from '../uapi/errno.ts';
import { type Arch, SYSCALLS, type SyscallName } from '../uapi/syscalls.ts';
import { type Answer, type CallTable, Refused, Unreadable } from './call.ts';
import type { NotifiedCall } from './notified.ts';

/** A handler with its name, by system call number. */
export interface Dispatched {
  readonly name: SyscallName;
  handle(call: NotifiedCall): Answer;
}

/** The handlers of an architecture by number. */
export function byNumber(arch: Arch, table: CallTable): readonly (Dispatched | undefined)[] {
  const rows: (Dispatched | undefined)[] = [];
  for (const [name, number] of Object.entries(SYSCALLS[arch]) as [SyscallName, number][]) {
    const row = table[name];
    if (row !== undefined) rows[number] = { name, handle: row.handle };
  }
  return rows;
}

const DENIED: Answer = { kind: 'errno', errno: ERRNO.EPERM };

/**
 * Runs a handler.
 *
 * @param broken hears of defects and of targets that cannot be looked into, which are denials for the target
 */
export function decide(
  call: NotifiedCall,
  handle: (call: NotifiedCall) => Answer,
  broken: (call: NotifiedCall, error: unknown) => void,
): Answer {
  try {
    return handle(call);
  } catch (error) {
    if (error instanceof Unreadable) broken(call, error);
    if (error instanceof Refused) return { kind: 'errno', errno: error.errno };
    broken(call, error);
    return DENIED;
  }
}

/** Gives an answer and ends the call's scope, unless somebody has taken it over. */
export function give(call: NotifiedCall, answer: Answer): void {
  const { listener, id } = call;
  switch (answer.kind) {
    case 'later':
      return;
    case 'continue':
      sendContinue(listener, id);
      break;
    case 'errno':
      // An answer of 0 would look like success to a target that was refused.
      sendErrno(listener, id, answer.errno > 0 ? answer.errno : ERRNO.EPERM);
      break;
    case 'value':
      sendValue(listener, id, answer.value);
      break;
    case 'fd': {
      const added = addFd(listener, id, answer.fd, { cloexec: answer.cloexec, send: true });
      // Too many open files and the like are the target's own. Nobody waits any more where there is no such call.
      if (added < 0 && added !== -ERRNO.ENOENT) sendErrno(listener, id, -added);
    }
  }
  call.close();
}
