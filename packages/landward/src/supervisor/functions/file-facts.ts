/**
 * What a function is told of an object: read from the pinned descriptor, so that it is of the very object that is decided on.
 * Owns the reading only.
 */

import { attempt } from '../../kernel/call.ts';
import type { DecideFile } from '../../model/decide-request.ts';
import { AT } from '../../uapi/open.ts';
import { deviceNumber, inodeType } from '../files/look.ts';

/** Everything that `stat` has, and the time of birth. */
const WANTED = 0xfff;
const BORN = 0x800;
const BYTES = 256;
const EMPTY = new Uint8Array(1);
const NANOSECONDS = 1e6;

const facts = new DataView(new ArrayBuffer(BYTES));

/** The facts of an object; `undefined` where it cannot be looked at. */
export function fileFacts(fd: number): DecideFile | undefined {
  if (attempt('statx', fd, EMPTY, AT.EMPTY_PATH, WANTED, facts) < 0) return undefined;
  const mode = facts.getUint16(28, true);
  return {
    dev: deviceNumber(facts.getUint32(136, true), facts.getUint32(140, true)),
    ino: facts.getBigUint64(32, true),
    type: inodeType(mode),
    mode: mode & 0o7777,
    uid: facts.getUint32(20, true),
    gid: facts.getUint32(24, true),
    nlink: facts.getUint32(16, true),
    size: facts.getBigUint64(40, true),
    bornMs: (facts.getUint32(0, true) & BORN) === 0 ? null : timeAt(80),
    modifiedMs: timeAt(112),
  };
}

function timeAt(offset: number): number {
  return Number(facts.getBigInt64(offset, true)) * 1000 + facts.getUint32(offset + 8, true) / NANOSECONDS;
}
