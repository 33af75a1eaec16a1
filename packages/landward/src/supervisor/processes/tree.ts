/**
 * Processes as signals to groups and tracing look at them: parents, groups, owners. Owns the reading of procfs only.
 */

import { readdirSync } from 'node:fs';
import { readProc } from '../target/proc.ts';

/** The numbers of all processes. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** What `/proc/PID/stat` tells of a process or thread. */
export interface Kin {
  readonly parent: number;
  readonly group: number;
}

/** The parent and group of a process; `null` where it is gone. */
export function kinOf(pid: number): Kin | null {
  const bytes = readProc(`/proc/${pid}/stat`, 1024);
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString('latin1');
  const [, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(parent), group: Number(group) };
}

/** The user ids of a process: real, effective, saved; `null` where it is gone. */
export function usersOf(pid: number): readonly [real: number, effective: number, saved: number] | null {
  const bytes = readProc(`/proc/${pid}/status`, 4096);
  const line =
    bytes === null ? null : /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(Buffer.from(bytes).toString('latin1'));
  return line === null ? null : [Number(line[1]), Number(line[2]), Number(line[3])];
}
