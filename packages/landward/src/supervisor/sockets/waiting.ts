/**
 * Waiting on behalf of a target without holding up the deciding thread: for a socket to become ready, or a short while.
 *
 * Owns what a target sees when a signal ends the wait. How long a wait may take is the caller's.
 */

import { ARCH } from '../../kernel/call.ts';
import { ImageBuilder } from '../../kernel/image.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type Answer, type Call, Refused } from '../call.ts';
import { readProc } from '../target/proc.ts';

const POLLOUT = 4;
export const POLLIN = 1;
const NANOSECONDS = 1_000_000;
/** How long one wait lasts at most, milliseconds: events of a peer that no poll tells of are looked for again. */
const LONGEST = 200;
/** The kernel's own answer for "interrupted, to be begun again": it becomes EINTR where the handler wants that. */
const ERESTARTSYS = 512;

/** A wait that may be repeated until a deadline. */
export interface Wait {
  /** Milliseconds of `performance.now`; `null` for none. */
  readonly deadline: number | null;
  /** What the target gets when the deadline has passed. */
  readonly late: number;
}

/**
 * Waits until a descriptor is ready for writing, or a fifth of a second; then `again` runs on the deciding thread.
 *
 * @param fd owned by the call; `null` to wait only for time, `pause` milliseconds
 * @param interrupted what to answer when a signal came, where it isn't the usual
 */
export function waitFor(
  call: Call,
  fd: number | null,
  wait: Wait,
  again: () => Answer,
  options: { readonly pause?: number; readonly events?: number; readonly interrupted?: () => Answer } = {},
): Answer {
  const left = wait.deadline === null ? LONGEST : wait.deadline - performance.now();
  if (left <= 0) return { kind: 'errno', errno: wait.late };
  const build = new ImageBuilder(ARCH);
  const milliseconds = Math.min(left, options.pause ?? LONGEST);
  const time = build.reserve(16);
  const polled = build.reserve(8);
  build.step('ppoll', [polled, fd === null ? 0 : 1, time, null, 8], 'wait for a socket', { okErrno: 'any' });
  const image = build.build();
  const view = new DataView(image.bytes.buffer, image.data);
  view.setBigInt64(time.at, BigInt(Math.floor(milliseconds / 1000)), true);
  view.setBigInt64(time.at + 8, BigInt(Math.ceil((milliseconds % 1000) * NANOSECONDS)), true);
  view.setInt32(polled.at, fd ?? -1, true);
  view.setInt16(polled.at + 4, options.events ?? POLLOUT, true);
  return call.later({
    image,
    finish: () => {
      if (!call.isPending()) return { kind: 'errno', errno: ERRNO.EINTR };
      if (hasSignal(call)) return options.interrupted?.() ?? interruption(call, wait.deadline !== null);
      try {
        return again();
      } catch (error) {
        if (error instanceof Refused) return { kind: 'errno', errno: error.errno };
        throw error;
      }
    },
  });
}

/** The signals of a thread: its own, those of its process, and those that it blocks. */
function signalsOf(call: Call): { readonly own: bigint; readonly shared: bigint; readonly threads: number } {
  const status = Buffer.from(readProc(`/proc/${call.target.tid}/status`, 16_384) ?? []).toString('latin1');
  const field = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`);
  const open = ~field('SigBlk');
  return {
    own: field('SigPnd') & open,
    shared: field('ShdPnd') & open,
    threads: Number(/^Threads:\s*(\d+)/m.exec(status)?.[1] ?? 1),
  };
}

function hasSignal(call: Call): boolean {
  const { own, shared } = signalsOf(call);
  return (own | shared) !== 0n;
}

/**
 * What a call that a signal ended answers. Where the signal is surely this thread's, the kernel's own answer lets a handler
 * with SA_RESTART begin the call again.
 *
 * @param limited whether the socket has a time limit: then the kernel begins nothing again
 */
export function interruption(call: Call, limited: boolean): Answer {
  if (limited) return { kind: 'errno', errno: ERRNO.EINTR };
  const { own, shared, threads } = signalsOf(call);
  // Signals of a process go to its first thread, where that one takes them.
  const leads = call.target.tid === call.target.status().pid;
  const certain = own !== 0n || (shared !== 0n && (threads === 1 || leads));
  return { kind: 'errno', errno: certain ? ERESTARTSYS : ERRNO.EINTR };
}
