/**
 * The identity that a peer of a UNIX socket is told (`SO_PEERCRED`, `SCM_CREDENTIALS`): the user and group of the target,
 * where the deciding thread runs as somebody else.
 *
 * Owns the change of the effective ids of this thread alone. The process that peers see is the supervisor's: only the
 * kernel could say otherwise.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type Call, refuse } from '../call.ts';

const KEEP = -1;

/**
 * Acts with the effective user, group and groups of the target, so that no peer takes it for somebody with more rights.
 *
 * @throws {Refused} EPERM where this thread cannot become that
 */
export function asCaller<T>(call: Call, act: () => T): T {
  const status = call.target.status();
  const uid = attempt('geteuid');
  const gid = attempt('getegid');
  if (status.euid === uid && status.egid === gid) return call.target.as(act);
  const groups = ownGroups();
  try {
    become(status.groups, status.egid);
    if (attempt('setresuid', KEEP, status.euid, KEEP) < 0) refuse(ERRNO.EPERM);
    return act();
  } finally {
    attempt('setresuid', KEEP, uid, KEEP);
    become([...groups], gid);
  }
}

function ownGroups(): Uint32Array {
  const groups = new Uint32Array(65_536);
  const count = attempt('getgroups', groups.length, groups);
  return groups.slice(0, Math.max(count, 0));
}

function become(groups: readonly number[], gid: number): void {
  const list = Uint32Array.from(groups);
  if (attempt('setgroups', list.length, list.length === 0 ? null : list) < 0) refuse(ERRNO.EPERM);
  if (attempt('setresgid', KEEP, gid, KEEP) < 0) refuse(ERRNO.EPERM);
}
