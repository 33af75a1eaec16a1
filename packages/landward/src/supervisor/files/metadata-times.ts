/**
 * Changing times: `utimensat` and its ancestors, which tell times in other units.
 *
 * Owns reading the times from the target; the change is `metadata.ts`.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import { type Answer, type Call, type CallTable, DONE, refuse } from '../call.ts';
import { type Change, changeOpen, changePath, emulated } from './metadata.ts';

const UTIME_NOW = 0x3fff_ffffn;
const UTIME_OMIT = 0x3fff_fffen;
const BILLION = 1_000_000_000n;
const MILLION = 1_000_000n;

/** Two `struct timespec`: when it was read, when it was changed; `null` for now. */
type Times = BigInt64Array | null;

function wordsAt(call: Call, address: number, count: number): BigInt64Array | null {
  if (address === 0) return null;
  return new BigInt64Array(call.target.read(address, 8 * count).slice().buffer);
}

function set(call: Call, dirfd: number, address: number, times: Times, flags: number): Answer {
  const act: Change = (path) => attempt('utimensat', AT_FDCWD, path, times, 0);
  if (address !== 0 || dirfd === AT_FDCWD) {
    return changePath(call, dirfd, address, flags, (path) => (areTimes(times) ? act(path) : -ERRNO.EINVAL));
  }
  if (flags !== 0) return refuse(ERRNO.EINVAL);
  return changeOpen(call, dirfd, (path) => (areTimes(times) ? act(path) : -ERRNO.EINVAL));
}

function areTimes(times: Times): boolean {
  const isFraction = (value: bigint) =>
    value === UTIME_NOW || value === UTIME_OMIT || (value >= 0n && value < BILLION);
  return times === null || (isFraction(times[1]!) && isFraction(times[3]!));
}

function utimensat(call: Call): Answer {
  const times = wordsAt(call, call.arg(2), 4);
  // Nothing to do: not even the path is looked at.
  if (times !== null && times[1] === UTIME_OMIT && times[3] === UTIME_OMIT) return DONE;
  return set(call, call.int(0), call.arg(1), times, call.uint(3));
}

/** Times in seconds and microseconds. */
function futimesat(call: Call, dirfd: number, at: number): Answer {
  const values = wordsAt(call, call.arg(at + 1), 4);
  if (values === null) return set(call, dirfd, call.arg(at), null, 0);
  const isFraction = (value: bigint) => value >= 0n && value < MILLION;
  if (!isFraction(values[1]!) || !isFraction(values[3]!)) return refuse(ERRNO.EINVAL);
  const times = BigInt64Array.of(values[0]!, values[1]! * 1000n, values[2]!, values[3]! * 1000n);
  return set(call, dirfd, call.arg(at), times, 0);
}

/** Times in seconds. */
function utime(call: Call): Answer {
  const values = wordsAt(call, call.arg(1), 2);
  const times = values === null ? null : BigInt64Array.of(values[0]!, 0n, values[1]!, 0n);
  return set(call, AT_FDCWD, call.arg(0), times, 0);
}

/** Handlers for times, a part of the group `metadata`. */
export const TIME_CALLS = {
  utime: emulated(utime),
  utimes: emulated((call) => futimesat(call, AT_FDCWD, 0)),
  futimesat: emulated((call) => futimesat(call, call.int(0), 1)),
  utimensat: emulated(utimensat),
} as const satisfies CallTable;
