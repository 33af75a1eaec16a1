/**
 * `write`, `writev`, `pwritev2` where each use is asked about: done on the pin from a copy, in pieces where it waits.
 *
 * Owns those calls, and what the target's own write would have met: its limit for the size of files, and the signal of a broken
 * pipe.
 */

import { ARCH, attempt } from '../../../kernel/call.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { AT, F, O } from '../../../uapi/open.ts';
import { RLIMIT } from '../../../uapi/resource.ts';
import { type Answer, type Call, CONTINUE, must, refuse } from '../../call.ts';
import { lengthOf, type Part, readData } from '../message.ts';
import { asksUses, type HeldFile, holdFor, performUse } from './held.ts';
import { partsOf } from './read.ts';

const FROM_HERE = -1n;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const INFINITE = 0xffff_ffff_ffff_ffffn;
const RWF_APPEND = 0x10;
const SEEK_CUR = 1;
const STATX = { SIZE: 0x200, sizeAt: 40 } as const;
const facts = new DataView(new ArrayBuffer(256));

export function write(call: Call): Answer {
  if (!asksUses(call)) return CONTINUE;
  const length = call.arg(2);
  return writeFrom(call, length === 0 ? [] : [{ address: call.arg(1), length }], FROM_HERE, 0);
}

export function writev(call: Call): Answer {
  return asksUses(call) ? writeFrom(call, partsOf(call), FROM_HERE, 0) : CONTINUE;
}

export function pwritev2(call: Call): Answer {
  return asksUses(call)
    ? writeFrom(call, partsOf(call), BigInt.asIntN(64, call.big(3)), call.int(5))
    : CONTINUE;
}

function writeFrom(call: Call, parts: readonly Part[], at: bigint, flags: number): Answer {
  const held = holdFor(call, call.int(0), 'send');
  return piece(call, held, { parts, at, flags, total: lengthOf(parts), done: 0 });
}

interface Writing {
  readonly parts: readonly Part[];
  readonly at: bigint;
  readonly flags: number;
  readonly total: number;
  readonly done: number;
}

function piece(call: Call, held: HeldFile, writing: Writing): Answer {
  const { parts, at, flags, total, done } = writing;
  const room = total === 0 ? 0 : roomOf(call, held, at, flags);
  const data = readData(call, parts, done, Math.min(total - done, room));
  return performUse(
    call,
    {
      name: 'pwritev2',
      lay: (build) => {
        const vector = build.reserve(16);
        build.point(vector, 0, data.length === 0 ? build.reserve(1) : build.bytes(data));
        const from = at < 0n ? at : at + BigInt(done);
        return { args: [held.fd, vector, 1, from, 0, flags], places: vector };
      },
      fill: (view, vector) => view(vector, 16).setBigUint64(8, BigInt(data.length), true),
      finish: (result) => {
        if (result < 0 && done > 0) return { kind: 'value', value: done };
        if (result === -ERRNO.EPIPE) attempt('tgkill', call.target.status().pid, call.target.tid, SIGPIPE);
        if (result < 0) return refuse(-result);
        const now = done + result;
        // What waits is expected to go out whole.
        const goesOn = held.waits && result > 0 && now < total;
        return goesOn ? piece(call, held, { ...writing, done: now }) : { kind: 'value', value: now };
      },
    },
    held.waits,
    held.isSocket ? { fd: held.fd, sends: true } : undefined,
  );
}

/**
 * How many bytes a write may add: a program with a limit for the size of files has that limit here too.
 *
 * @param at where it begins; below 0 for where the open file is
 * @throws {Refused} EFBIG, with the signal, where the file has reached the limit
 */
export function roomOf(call: Call, { fd, isFile, most }: HeldFile, at: bigint, flags: number): number {
  if (!isFile) return most;
  const limit = new BigUint64Array(2);
  const { pid } = call.target.status();
  const asked = call.target.asSupervisor(() => attempt('prlimit64', pid, RLIMIT.FSIZE, null, limit));
  if (asked < 0) refuse(ERRNO.EPERM);
  if (limit[0] === INFINITE) return most;
  const appends =
    (flags & RWF_APPEND) !== 0 || (must(attempt('fcntl', fd, F.GETFL, 0)) & O[ARCH].APPEND) !== 0;
  must(attempt('statx', fd, Uint8Array.of(0), AT.EMPTY_PATH, STATX.SIZE, facts));
  const here = appends ? facts.getBigUint64(STATX.sizeAt, true) : at >= 0n ? at : position(fd);
  if (here < limit[0]!) return Math.min(most, Number(limit[0]! - here));
  attempt('tgkill', pid, call.target.tid, SIGXFSZ);
  return refuse(ERRNO.EFBIG);
}

function position(fd: number): bigint {
  return BigInt(must(attempt('lseek', fd, 0, SEEK_CUR)));
}
