/**
 * The mark of a run on its processes: a number in a resource limit that Linux ignores (RLIMIT_LOCKS), which fork and execve
 * hand on and the filter keeps. It survives everything that a process can do to hide its descent.
 *
 * Owns the mark, and finding and ending who bears it.
 */

import { readdirSync } from 'node:fs';
import { attempt } from '../kernel/call.ts';
import { ERRNO } from '../uapi/errno.ts';
import { RLIMIT } from '../uapi/resource.ts';
import { readProc } from './target/proc.ts';

/** Tags are multiples of this, so that no sum of small changes makes another one. */
const UNIT = 4096n;
const RANDOM_BYTES = 6;
/** Smaller limits are what people set. */
const LEAST = 1n << 40n;
const HIGH_BIT = 1n << 47n;
const ID_DIGITS = 16;
const SIGKILL = 9;

/** A fresh tag. */
export function makeTag(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  let random = 0n;
  for (const byte of bytes) random = (random << 8n) | BigInt(byte);
  return (random | HIGH_BIT | 1n) * UNIT;
}

/** The tag as the id of a run: sixteen hex digits. */
export function tagId(tag: bigint): string {
  return tag.toString(16).padStart(ID_DIGITS, '0');
}

/** The tag of a run's id. */
export function idTag(id: string): bigint {
  return BigInt(`0x${id}`);
}

/** Whether a limit is a tag. Limits that people set are smaller, or none at all. */
export function isTagged(limit: bigint): boolean {
  return limit % UNIT === 0n && limit >= LEAST;
}

/** The tag of a process, `undefined` where there is no such process. Processes of no run have other numbers. */
export function tagOf(pid: number): bigint | undefined {
  const limit = new BigUint64Array(2);
  const result = attempt('prlimit64', pid, RLIMIT.LOCKS, null, limit);
  if (result === 0) return limit[1]!;
  return result === -ERRNO.EPERM ? tagFromText(pid) : undefined;
}

/** Limits of another user's process are not told by the call, but by procfs. */
function tagFromText(pid: number): bigint | undefined {
  const bytes = readProc(`/proc/${pid}/limits`);
  if (bytes === null) return undefined;
  const found = /^Max file locks\s+\S+\s+(\d+)/m.exec(Buffer.from(bytes).toString('latin1'));
  return found === null ? 0n : BigInt(found[1]!);
}

/** The processes of a run that have not ended. */
export function membersOf(tag: bigint): number[] {
  const members: number[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid) && tagOf(pid) === tag && !isOver(pid)) members.push(pid);
  }
  return members;
}

/** Whether a process or thread has ended, and at most waits for its parent. */
export function isOver(pid: number): boolean {
  const bytes = readProc(`/proc/${pid}/stat`, 512);
  if (bytes === null) return attempt('kill', pid, 0) === -ERRNO.ESRCH;
  const text = Buffer.from(bytes).toString('latin1');
  const state = text[text.lastIndexOf(')') + 2];
  return state === 'Z' || state === 'X';
}

/**
 * Sends a signal to every process of a run.
 *
 * A number that was read is not sent to: a pidfd is opened, the tag is read again, and the signal goes to the pidfd.
 *
 * @returns how many got it
 */
export function signalMembers(tag: bigint, signal: number): number {
  let count = 0;
  for (const pid of membersOf(tag)) {
    const pidfd = attempt('pidfd_open', pid, 0);
    if (pidfd < 0) {
      // Without a descriptor left it is the number after all: not sending would leave it running.
      if (pidfd !== -ERRNO.ESRCH && tagOf(pid) === tag && attempt('kill', pid, signal) === 0) count++;
      continue;
    }
    if (tagOf(pid) === tag && attempt('pidfd_send_signal', pidfd, signal, null, 0) === 0) count++;
    attempt('close', pidfd);
  }
  return count;
}

/**
 * Ends every process of a run at once, also those that are being forked meanwhile.
 *
 * @returns the processes that are still there after many rounds (they wait for a device)
 */
export function killMembers(tag: bigint): readonly number[] {
  let clean = 0;
  for (let round = 0; round < 1000 && clean < 2; round++)
    clean = signalMembers(tag, SIGKILL) === 0 ? clean + 1 : 0;
  return membersOf(tag);
}
