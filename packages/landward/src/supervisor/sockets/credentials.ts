/**
 * The identity that a peer of a UNIX or netlink socket is told (`SO_PEERCRED`, `SCM_CREDENTIALS`): the user and group of the
 * target, where the deciding thread runs as somebody else.
 *
 * Owns the change of the real and effective ids of this thread alone: a connection tells the effective ones, a message the
 * real ones. The process that peers see is the supervisor's: only the kernel could say otherwise.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type Call, refuse } from '../call.ts';
import type { TaskStatus } from '../target.ts';

const KEEP = -1;
const CAPABILITY_VERSION_3 = 0x2008_0522;
/** To name another process, user and group in a message: CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN. None opens a file. */
const TELLING = (1n << 6n) | (1n << 7n) | (1n << 21n);

/** The real and effective ids of a thread. */
interface Ids {
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
}

/**
 * Acts as the user, group and groups of the target, so that no peer takes it for somebody with more rights, and nothing
 * opens to it that would not open to the target.
 *
 * @param tells whether the act names a process, user and group that were checked to be the target's to name
 * @throws {Refused} EPERM where this thread cannot become that
 */
export function asCaller<T>(call: Call, act: () => T, { tells = false } = {}): T {
  const status = call.target.status();
  const own = ownIds();
  const inside = tells ? () => withCapabilities(TELLING, act) : act;
  if (isSame(status, own)) return call.target.as(inside);
  const groups = ownGroups();
  try {
    become(status, status.groups);
    return call.target.as(inside);
  } finally {
    // The user first: it brings back the capability for the rest.
    attempt('setresuid', own.uid, own.euid, KEEP);
    attempt('setresgid', own.gid, own.egid, KEEP);
    attempt('setgroups', groups.length, groups.length === 0 ? null : groups);
  }
}

function isSame(target: TaskStatus, own: Ids): boolean {
  return (
    target.uid === own.uid && target.euid === own.euid && target.gid === own.gid && target.egid === own.egid
  );
}

function ownIds(): Ids {
  const ids = (call: 'getresuid' | 'getresgid') => {
    const [real, effective] = [new Uint32Array(1), new Uint32Array(1)];
    if (attempt(call, real, effective, new Uint32Array(1)) < 0) refuse(ERRNO.EPERM);
    return [real[0]!, effective[0]!] as const;
  };
  const [uid, euid] = ids('getresuid');
  const [gid, egid] = ids('getresgid');
  return { uid, euid, gid, egid };
}

function ownGroups(): Uint32Array {
  const groups = new Uint32Array(65_536);
  const count = attempt('getgroups', groups.length, groups);
  return groups.slice(0, Math.max(count, 0));
}

function become({ uid, euid, gid, egid }: Ids, groups: readonly number[]): void {
  const list = Uint32Array.from(groups);
  const done =
    attempt('setgroups', list.length, list.length === 0 ? null : list) === 0 &&
    attempt('setresgid', gid, egid, KEEP) === 0 &&
    attempt('setresuid', uid, euid, KEEP) === 0;
  if (!done) refuse(ERRNO.EPERM);
}

/** Acts with capabilities in force besides, as far as this thread has them at all. */
function withCapabilities<T>(besides: bigint, act: () => T): T {
  const header = Uint32Array.of(CAPABILITY_VERSION_3, 0);
  const data = new Uint32Array(6);
  if (attempt('capget', header, data) < 0) refuse(ERRNO.EPERM);
  const raised = data.slice();
  raised[0]! |= data[1]! & Number(besides & 0xffff_ffffn);
  if (attempt('capset', header, raised) < 0) refuse(ERRNO.EPERM);
  try {
    return act();
  } finally {
    attempt('capset', header, data);
  }
}
