/**
 * What an open file lacks, kept on the open file itself: the number of the signal that it would send, which duplicates,
 * forks and descriptors passed over sockets share, and which ends with the open file. So nothing has to be held open and
 * nothing can be mistaken for another.
 *
 * Owns the encoding, and the answer to uses that lack a right. Which rights are lacking was the authority's decision at the
 * opening.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { FsRight } from '../../uapi/landlock.ts';
import { F } from '../../uapi/open.ts';
import type { Judgement } from '../authority.ts';
import { type Answer, type Call, outcome, refuse } from '../call.ts';
import { mayChangeFiles } from '../may-change.ts';
import type { Place } from '../place.ts';
import { keptOf } from './kept.ts';

/** Rights that matter after the opening. */
const LATER = ['fs.truncate', 'fs.ioctl_dev'] as const satisfies readonly FsRight[];
type Later = (typeof LATER)[number];

/** Signals from here on are real-time ones that no libc keeps for itself; four numbers a slot: which rights are lacking. */
const FIRST = 36;
const SLOTS = 7;

/** Whether uses of open files are asked about: else nobody would look at marks, and the kernel holds what it can. */
export function holdsOpened(call: Call): boolean {
  return call.run.plan.supervisor.groups.includes('opened');
}

/** What of a decision the open file lacks, as bits. */
function bitsOf(lacking: readonly FsRight[]): number {
  return LATER.reduce((bits, right, index) => bits | (lacking.includes(right) ? 1 << index : 0), 0);
}

/**
 * Marks an open file with what its decision left out. Must happen before the target gets it.
 *
 * @param fd the open file, of this process
 * @param judgement of the question `open` or `make`
 * @throws {Refused} EACCES where it cannot be marked: it must not be had without
 */
export function mark(
  call: Call,
  fd: number,
  at: { readonly dev: bigint; readonly ino: bigint },
  judgement: Judgement,
): void {
  const bits = bitsOf([...(judgement.lacking ?? []), ...(judgement.watched ?? [])]);
  if (bits === 0 || !holdsOpened(call)) return;
  const slot = keptOf(call.run).keep(at, bits, judgement.file, SLOTS);
  if (attempt('fcntl', fd, F.SETSIG, FIRST + 4 * slot + bits) < 0) refuse(ERRNO.EACCES);
}

/** The mark of an open file: 0 where it lacks nothing. */
function markOf(fd: number): number {
  const signal = attempt('fcntl', fd, F.GETSIG);
  return signal >= FIRST && signal < FIRST + 4 * SLOTS ? signal - FIRST : 0;
}

/** The rights that an open file lacks, or has to be asked about at each use. */
export function lackingOf(fd: number): readonly Later[] {
  const bits = markOf(fd) & 3;
  return bits === 0 ? [] : LATER.filter((_, index) => bits & (1 << index));
}

/**
 * Asks about a use that the open file is marked for.
 *
 * @param fd a duplicate of the target's descriptor
 * @throws {Refused} where the open file lacks the right; where layers may change, where it is not given now
 */
export function askOpened(
  call: Call,
  at: Place,
  fd: number,
  use: { readonly right: Later; readonly ioctl?: number },
): void {
  const found = markOf(fd);
  const file = keptOf(call.run).of(at, found & 3, found >> 2);
  const { errno } = call.run.authority.ask(call, { kind: 'opened', at, ...use, file });
  if (errno === 0 && mayChangeFiles(call.run.plan)) return;
  // It was decided when the file was opened: where it lies now and what is allowed there changes nothing.
  refuse(errno || ERRNO.EACCES);
}

/**
 * `fcntl(F_SETSIG)` of a target, performed on the duplicate: a mark is never taken off, nor put on.
 */
export function setSignal(call: Call): Answer {
  const fd = call.target.fd(call.int(0));
  const signal = call.int(2);
  if (markOf(fd) !== 0) return refuse(ERRNO.EINVAL);
  if (signal >= FIRST && signal < FIRST + 4 * SLOTS) return refuse(ERRNO.EINVAL);
  return outcome(attempt('fcntl', fd, F.SETSIG, signal));
}
