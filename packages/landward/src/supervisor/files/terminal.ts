/**
 * Terminals: `/dev/tty` means the controlling terminal of whoever opens it, which must be the target.
 *
 * Owns finding that terminal. The supervisor's own controlling terminal is never changed nor given away: every open is
 * made with O_NOCTTY.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { F, O, RESOLVE } from '../../uapi/open.ts';
import { type Call, must, Refused, refuse } from '../call.ts';
import { readProc } from '../target/proc.ts';
import { openAgain } from './again.ts';
import { encodePath, openPlace } from './look.ts';

const FLAGS = O[ARCH];
const STATX = { bytes: 256, majorAt: 128, minorAt: 132, mask: 0x1 } as const;
/** The slaves of pseudo terminals have these major numbers; their minor numbers go on from one to the next. */
const PTS = { first: 136, last: 143, minors: 256 } as const;
/** Virtual consoles, and serial lines from minor 64 on. */
const CONSOLES = 4;

/** A device number. */
export interface Device {
  readonly major: number;
  readonly minor: number;
}

const stat = new DataView(new ArrayBuffer(STATX.bytes));
const EMPTY = new Uint8Array(1);

/** Which device a special file means. */
export function deviceOf(fd: number): Device {
  must(attempt('statx', fd, EMPTY, 0x1000, STATX.mask, stat));
  return { major: stat.getUint32(STATX.majorAt, true), minor: stat.getUint32(STATX.minorAt, true) };
}

/** Whether a character device is the slave of a pseudo terminal: opening one never waits. */
export function isTerminal({ major }: Device): boolean {
  return major >= PTS.first && major <= PTS.last;
}

/** The controlling terminal of a thread, or `null`. */
function controlling(tid: number): Device | null {
  const bytes = readProc(`/proc/${tid}/stat`);
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString('latin1');
  // The name may hold anything; the fields behind its last parenthesis are state, ppid, pgrp, session, tty.
  const number = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[4]);
  if (!number) return null;
  return { major: (number >>> 8) & 0xfff, minor: (number & 0xff) | ((number >>> 12) & 0xfff00) };
}

/** Where a terminal usually lies, in the target's root. */
function usualPath({ major, minor }: Device): string | null {
  if (isTerminal({ major, minor })) return `/dev/pts/${minor + (major - PTS.first) * PTS.minors}`;
  if (major === CONSOLES) return minor < 64 ? `/dev/tty${minor}` : `/dev/ttyS${minor - 64}`;
  return null;
}

/** The device that means the controlling terminal. */
export const TERMINAL = {
  major: 5,
  minor: 0,
  /**
   * Opens the controlling terminal of the target.
   *
   * @returns a descriptor owned by the call
   * @throws {Refused} ENXIO where it has none
   */
  open(call: Call, flags: number): number {
    const wanted = controlling(call.target.tid) ?? refuse(ERRNO.ENXIO);
    for (const place of candidates(call, wanted)) {
      const fd = openAgain(call, place, flags);
      if (fd >= 0) return fd;
      // Not allowed by path, but open already: the same terminal with the same rights.
      if (fd === -ERRNO.EACCES && canStandIn(place, flags)) return place;
    }
    return refuse(ERRNO.ENXIO);
  },
} as const;

/** Descriptors that mean a terminal: what the target has open, then where it usually lies. */
function* candidates(call: Call, wanted: Device): Generator<number> {
  const means = (fd: number) => {
    const { major, minor } = deviceOf(fd);
    return major === wanted.major && minor === wanted.minor;
  };
  for (let number = 0; number < 3; number++) {
    const fd = held(call, number);
    if (fd >= 0 && means(fd)) yield fd;
  }
  const path = usualPath(wanted);
  if (path === null) return;
  const fd = call.own(openPlace(call.target.root(), encodePath(path), 0, RESOLVE.IN_ROOT));
  if (fd >= 0 && means(fd)) yield fd;
}

function held(call: Call, number: number): number {
  try {
    return call.target.fd(number);
  } catch (error) {
    if (error instanceof Refused) return -error.errno;
    throw error;
  }
}

/** Whether an open file can be had instead of a new one: it is open for everything, and waits where that is wanted. */
function canStandIn(fd: number, flags: number): boolean {
  const have = attempt('fcntl', fd, F.GETFL);
  if (have < 0 || have & FLAGS.PATH || (have & FLAGS.ACCMODE) !== FLAGS.RDWR) return false;
  return (have & FLAGS.NONBLOCK) === (flags & FLAGS.NONBLOCK);
}
