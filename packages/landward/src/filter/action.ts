/**
 * What a filter may answer, and the word that says it to the kernel.
 *
 * Owns this mapping only. The word's low half carries an errno, a trap or trace number, or nothing.
 */

import { bug } from '../errors.ts';
import { SECCOMP_RET, SECCOMP_RET_ACTION_FULL, SECCOMP_RET_DATA } from '../uapi/seccomp.ts';

/**
 * A verdict on a call. `errno` lets the call fail without running it; `notify` asks a supervisor; `kill_process` ends
 * the whole process as by SIGSYS.
 */
export type Action =
  | { readonly kind: 'allow' | 'log' | 'notify' | 'kill_thread' | 'kill_process' }
  | { readonly kind: 'errno'; readonly errno: number }
  | { readonly kind: 'trap' | 'trace'; readonly data: number };

export const ALLOW: Action = { kind: 'allow' };
export const KILL_PROCESS: Action = { kind: 'kill_process' };
export const NOTIFY: Action = { kind: 'notify' };

/** The action of failing with an error number (1..4095). */
export function fail(errno: number): Action {
  return { kind: 'errno', errno };
}

const WORDS = {
  allow: SECCOMP_RET.ALLOW,
  log: SECCOMP_RET.LOG,
  notify: SECCOMP_RET.USER_NOTIF,
  kill_thread: SECCOMP_RET.KILL_THREAD,
  kill_process: SECCOMP_RET.KILL_PROCESS,
  errno: SECCOMP_RET.ERRNO,
  trap: SECCOMP_RET.TRAP,
  trace: SECCOMP_RET.TRACE,
} as const satisfies Record<Action['kind'], number>;

/** The word that a filter returns for an action. */
export function encodeAction(action: Action): number {
  const data = 'errno' in action ? action.errno : 'data' in action ? action.data : 0;
  // An errno of 0 would let the call look successful; the kernel cuts what is above 4095.
  if (action.kind === 'errno' && (data < 1 || data > 4095)) bug(`errno ${data} in a filter`);
  if (data < 0 || data > SECCOMP_RET_DATA) bug(`data ${data} in a filter`);
  return (WORDS[action.kind] | data) >>> 0;
}

/** The action of a returned word; an action that Linux doesn't know kills the process, as in the kernel. */
export function decodeAction(word: number): Action {
  const high = (word & SECCOMP_RET_ACTION_FULL) >>> 0;
  const data = word & SECCOMP_RET_DATA;
  const kind =
    (Object.keys(WORDS) as Action['kind'][]).find((name) => WORDS[name] === high) ?? 'kill_process';
  if (kind === 'errno') return { kind, errno: data };
  if (kind === 'trap' || kind === 'trace') return { kind, data };
  return { kind };
}
