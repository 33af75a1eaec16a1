/**
 * The name of deciding threads, by which a process that performs calls for sandboxed programs is known from outside: what
 * such a process does may be a program's wish.
 */

import { call } from '../kernel/call.ts';
import { PR } from '../uapi/prctl.ts';

/** At most 15 bytes, as the kernel keeps names of threads. */
export const DECIDER = 'landward-decide';

/** Gives the calling thread that name. */
export function beDecider(): void {
  const name = new TextEncoder().encode(`${DECIDER}\0`);
  call('name the deciding thread', 'prctl', PR.SET_NAME, name, 0, 0, 0);
}
