/**
 * `fcntl`, and `ioctl` of sockets, where it says who gets the signals of a descriptor. The kernel decides at each delivery; from here it can only be
 * decided when the owner is set: an owner that may not be signalled is left out, and the call succeeds as it would.
 *
 * Owns F_SETOWN, F_SETOWN_EX and FIOSETOWN. F_SETSIG belongs to the marks of open files.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { F } from '../../uapi/open.ts';
import { SO } from '../../uapi/socket.ts';
import { type Answer, type Call, CONTINUE, type Handler, outcome, refuse } from '../call.ts';
import { setSignal } from '../open-files/marks.ts';
import { option } from '../sockets/socket.ts';
import { maySignal } from './permission.ts';
import { ownPid, ownTid } from './pids.ts';
import { group } from './signals.ts';

/** What delivery is asked about: any signal will do. */
const SIGIO = 29;
/** The one number that has no positive counterpart. */
const NO_GROUP = -0x8000_0000;
const OWNER = { TID: 0, PID: 1, PGRP: 2, bytes: 8 } as const;

export const fcntl: Handler = (call) => {
  switch (call.int(1)) {
    case F.SETSIG:
      return setSignal(call);
    case F.SETOWN:
      return call.run.authority.isFree(call) ? CONTINUE : setOwner(call);
    case F.SETOWN_EX:
      return call.run.authority.isFree(call) ? CONTINUE : setOwnerEx(call);
    default:
      return CONTINUE;
  }
};

function setOwner(call: Call): Answer {
  const owner = call.int(2);
  if (owner === 0) return CONTINUE;
  const tids = owner > 0 ? [ownPid(call, owner)] : group(call, owner);
  return isReached(call, tids) ? CONTINUE : withoutOthers(call, tids);
}

function setOwnerEx(call: Call): Answer {
  const bytes = call.target.read(call.arg(2), OWNER.bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, OWNER.bytes);
  const [type, owner] = [view.getInt32(0, true), view.getInt32(4, true)];
  if (type !== OWNER.TID && type !== OWNER.PID && type !== OWNER.PGRP) return refuse(ERRNO.EINVAL);
  const pid = type === OWNER.TID ? ownTid(call, owner) : ownPid(call, owner);
  if (owner !== 0 && pid === null) return refuse(ERRNO.ESRCH);
  const tids = owner === 0 ? [] : type === OWNER.PGRP ? group(call, -owner) : [pid];
  return decided(call, call.target.fd(call.int(0)), tids, [type, pid ?? 0]);
}

/** `ioctl(FIOSETOWN)`, of sockets only: the same as F_SETOWN, by a number in memory. */
export function setSocketOwner(call: Call): Answer {
  if (call.run.authority.isFree(call)) return CONTINUE;
  const fd = call.target.fd(call.int(0));
  if (option(fd, SO.DOMAIN) < 0) return refuse(ERRNO.ENOTTY);
  const bytes = call.target.read(call.arg(2), 4);
  const owner = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
  if (owner === NO_GROUP) return refuse(ERRNO.EINVAL);
  const pid = ownPid(call, Math.abs(owner));
  if (owner !== 0 && pid === null) return refuse(ERRNO.ESRCH);
  const tids = owner === 0 ? [] : owner < 0 ? group(call, owner) : [pid];
  return decided(call, fd, tids, [owner < 0 ? OWNER.PGRP : OWNER.PID, pid ?? 0]);
}

/** Sets an owner that memory named, if all that it means may be reached. */
function decided(
  call: Call,
  fd: number,
  tids: readonly (number | null)[],
  owner: readonly [type: number, id: number],
): Answer {
  if (!isReached(call, tids)) return withoutOthers(call, tids);
  if (tids.some((tid) => tid !== null && !maySignal(call, tid))) return withoutOthers(call, tids);
  // The memory may have changed: the owner that was decided on is set from here.
  const ours = new Int32Array(owner);
  return call.target.as(() => outcome(attempt('fcntl', fd, F.SETOWN_EX, ours)));
}

function isReached(call: Call, tids: readonly (number | null)[]): boolean {
  return tids.every(
    (tid) => tid === null || call.run.authority.ask(call, { kind: 'signal', tid, signal: SIGIO }).errno === 0,
  );
}

/**
 * Sets the owner without those that may not be reached: the caller's own process where it was meant as well, else nobody.
 * More than one process can only be an owner as a whole group.
 */
function withoutOthers(call: Call, tids: readonly (number | null)[]): Answer {
  const { pid } = call.target.status();
  return outcome(attempt('fcntl', call.target.fd(call.int(0)), F.SETOWN, tids.includes(pid) ? pid : 0));
}
