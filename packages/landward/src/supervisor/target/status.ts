/**
 * What `/proc/TID/status` tells of a thread, as `TaskStatus`. Owns the reading of the text only.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { refuse } from '../call.ts';
import type { TaskStatus } from '../target.ts';
import { readProc } from './proc.ts';

const STATUS_BYTES = 16_384;

/**
 * Reads the status of a thread.
 *
 * @throws {Refused} ESRCH where the thread is gone
 */
export function readStatus(tid: number): TaskStatus {
  const bytes = readProc(`/proc/${tid}/status`, STATUS_BYTES);
  if (bytes === null || bytes.length === 0) return refuse(ERRNO.ESRCH);
  return parseStatus(Buffer.from(bytes).toString('latin1'));
}

/** Reads the text of a status file. A line of an older kernel that is missing has the value that changes nothing. */
export function parseStatus(text: string): TaskStatus {
  const field = (name: string): string => {
    const at = text.indexOf(`\n${name}:`);
    if (at < 0) return '';
    const start = at + name.length + 2;
    return text.slice(start, text.indexOf('\n', start)).trim();
  };
  const numbers = (name: string): number[] => {
    const line = field(name);
    return line === '' ? [] : line.split(/\s+/).map(Number);
  };
  const pid = numbers('Tgid')[0] ?? refuse(ERRNO.ESRCH);
  const tid = numbers('Pid')[0] ?? pid;
  const [uid = 0, euid = 0, , fsuid = 0] = numbers('Uid');
  const [gid = 0, egid = 0, , fsgid = 0] = numbers('Gid');
  return {
    pid,
    umask: Number.parseInt(field('Umask') || '0', 8),
    uid,
    euid,
    fsuid,
    gid,
    egid,
    fsgid,
    groups: numbers('Groups'),
    capabilities: BigInt(`0x${field('CapEff') || '0'}`),
    threads: numbers('Threads')[0] ?? 1,
    noNewPrivs: field('NoNewPrivs') === '1',
    namespacedTids: or(numbers('NSpid'), tid),
    namespacedPids: or(numbers('NStgid'), pid),
  };
}

function or(list: readonly number[], single: number): readonly number[] {
  return list.length === 0 ? [single] : list;
}

/**
 * Whether a thread has a signal to take as soon as it returns from its call: one of its own or of its process that it does
 * not block. A thread that is gone has.
 */
export function hasSignal(tid: number): boolean {
  const bytes = readProc(`/proc/${tid}/status`, STATUS_BYTES);
  if (bytes === null || bytes.length === 0) return true;
  const text = Buffer.from(bytes).toString('latin1');
  const mask = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(text)?.[1] ?? '0'}`);
  return ((mask('SigPnd') | mask('ShdPnd')) & ~mask('SigBlk')) !== 0n;
}
