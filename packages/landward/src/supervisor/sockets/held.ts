/**
 * Which sockets processes hold, by inode, as procfs shows it to this thread. Owns the reading; a socket on its way in a
 * message is held by nobody.
 */

import { readdirSync } from 'node:fs';
import { readProcLink } from '../target/proc.ts';

/** The inodes of the sockets that a process holds. */
export function* socketsOf(pid: number): Iterable<bigint> {
  let names: readonly string[] = [];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return;
  }
  for (const name of names) {
    const link = readProcLink(`/proc/${pid}/fd/${name}`);
    const found = link === null ? null : /^socket:\[(\d+)\]$/.exec(link);
    if (found !== null) yield BigInt(found[1]!);
  }
}

/** The inodes of the sockets that any process holds. */
export function heldSockets(): ReadonlySet<bigint> {
  const held = new Set<bigint>();
  for (const name of readdirSync('/proc'))
    if (/^\d+$/.test(name)) for (const ino of socketsOf(Number(name))) held.add(ino);
  return held;
}
