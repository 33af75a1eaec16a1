/**
 * `fcntl` where it says who gets the signals of a descriptor. The kernel decides at each delivery; from here it can only be
 * decided when the owner is set: an owner that may not be signalled is left out, and the call succeeds as it would.
 *
 * Owns F_SETOWN and F_SETOWN_EX. F_SETSIG belongs to the marks of open files.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { F } from '../../uapi/open.ts';
import { type Answer, type Call, CONTINUE, type Handler, outcome, refuse } from '../call.ts';
import { setSignal } from '../open-files/marks.ts';
import { maySignal } from './permission.ts';
import { ownPid, ownTid } from './pids.ts';
import { group } from './signals.ts';

/** What delivery is asked about: any signal will do. */
const SIGIO = 29;
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
  if (!isReached(call, tids)) return withoutOthers(call, tids);
  if (tids.some((tid) => tid !== null && !maySignal(call, tid))) return withoutOthers(call, tids);
  // The memory may have changed: the owner that was decided on is set from here.
  const ours = new Int32Array([type, pid ?? 0]);
  const fd = call.target.fd(call.int(0));
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
