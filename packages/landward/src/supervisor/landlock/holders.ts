/**
 * Whether one process holds all descriptors of a socket: what a change of its credential must know, since it changes what
 * every holder may do.
 *
 * Owns the counting, which errs on the side of others: whoever cannot be looked into may hold one, and a message that
 * carries descriptors may carry this one. A holder that moves the socket about at this very moment can be missed, and only
 * loses by that.
 */

import { readdirSync } from 'node:fs';
import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { Call } from '../call.ts';
import { socketsOf } from '../sockets/held.ts';
import { readProc, readProcLink } from '../target/proc.ts';
import type { LandlockRun } from './landlock-run.ts';
import { threadsOf } from './threads.ts';

const KCMP_FILES = 2;
/** Descriptors in messages that wait in a UNIX socket. */
const MESSAGES = /^scm_fds:\s*(\d+)/m;
/** The first PID namespace of a machine: from another one not every process can be seen. */
const EVERYBODY = 'pid:[4026531836]';

/** What is asked about. */
interface Wanted {
  readonly cookie: bigint;
  readonly ino: bigint;
}

/**
 * Whether only the caller's process holds a socket, of which the call has one duplicate.
 *
 * A socket that was made in the run and never handed on can only be in processes of the run; any other may be anywhere.
 */
export function isOnlyHolder(call: Call, landlock: LandlockRun, { cookie, ino }: Wanted): boolean {
  const own = call.target.status().pid;
  if (!holdsOnce(ino)) return false;
  const { known } = landlock;
  if (known.isInside(cookie) && !known.wasPassed(cookie)) {
    for (const pid of landlock.members()) if (pid !== own && mayHold(pid, ino, false)) return false;
    return true;
  }
  if (!seesEverybody()) return false;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    if (pid === own ? mayCarry(pid) : mayHold(pid, ino, true)) return false;
  }
  return !mayCarry(process.pid);
}

/** Whether all processes of the machine can be looked into from here. */
function seesEverybody(): boolean {
  return readProcLink('/proc/self/ns/pid') === EVERYBODY && linksOf('/proc/1') !== null;
}

/** Whether this process has no other descriptor of the socket than the call's. */
function holdsOnce(ino: bigint): boolean {
  let count = 0;
  for (const held of socketsOf(process.pid)) if (held === ino) count++;
  return count === 1;
}

/** Whether a process holds the socket, or cannot be looked into. */
function mayHold(pid: number, ino: bigint, inMessages: boolean): boolean {
  return tablesOf(pid).some((table) => {
    const links = linksOf(table);
    if (links === null) return attempt('kill', pid, 0) !== -ERRNO.ESRCH;
    return links.some(([fd, link]) => link === `socket:[${ino}]` || (inMessages && carries(table, fd, link)));
  });
}

/** Whether a message that waits in a socket of a process may carry the socket. */
function mayCarry(pid: number): boolean {
  return tablesOf(pid).some((table) => {
    const links = linksOf(table);
    return links === null || links.some(([fd, link]) => carries(table, fd, link));
  });
}

/** The directories of a process's descriptor tables: threads can have their own. */
function tablesOf(pid: number): string[] {
  const apart = threadsOf(pid).filter(
    (tid) => tid !== pid && attempt('kcmp', pid, tid, KCMP_FILES, 0, 0) !== 0,
  );
  return [`/proc/${pid}`, ...apart.map((tid) => `/proc/${pid}/task/${tid}`)];
}

/** The descriptors in a table and what each is; `null` where it cannot be read. */
function linksOf(table: string): (readonly [fd: string, link: string])[] | null {
  try {
    return readdirSync(`${table}/fd`).map((fd) => [fd, readProcLink(`${table}/fd/${fd}`) ?? '']);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? [] : null;
  }
}

/** Whether a descriptor is one behind which others are: a UNIX socket with such messages, an io_uring with files. */
function carries(table: string, fd: string, link: string): boolean {
  const counter =
    link === 'anon_inode:[io_uring]' ? /^UserFiles:\s*(\d+)/m : link.startsWith('socket:') ? MESSAGES : null;
  if (counter === null) return false;
  const info = readProc(`${table}/fdinfo/${fd}`);
  if (info === null) return true;
  const found = counter.exec(Buffer.from(info).toString('latin1'));
  // Only UNIX sockets have the line at all.
  return found === null ? counter !== MESSAGES : found[1] !== '0';
}
