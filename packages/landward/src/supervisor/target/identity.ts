/**
 * The identity of the deciding thread while it acts for a target: umask, file system user and group, groups,
 * capabilities. All of it belongs to this thread alone, by raw system calls; libc would change every thread.
 *
 * What cannot be taken on is an error for the target, never an act with more rights than it has.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { refuse } from '../call.ts';
import type { TaskStatus } from '../target.ts';

const CAPABILITY_VERSION_3 = 0x2008_0522;
/** A header and two times effective, permitted, inheritable. */
const CAP_WORDS = { header: 2, data: 6 } as const;

/** What a thread is, as far as acting on files goes. */
type Identity = Pick<TaskStatus, 'umask' | 'fsuid' | 'fsgid' | 'groups' | 'capabilities'>;

/** This thread's identity: what it is by itself, and what it is at the moment. */
export class OwnIdentity {
  readonly #own: Identity;
  /** Whether targets can be somebody else at all. */
  #umask: number;
  /** Whom this thread acts as at the moment. */
  #acting: Identity | undefined;

  /** @param own the status of this thread when nothing was changed yet */
  constructor(own: Identity) {
    this.#own = own;
    this.#umask = own.umask;
  }

  /** Whether a target may do with files what this thread may do by itself. */
  isSame(target: Identity): boolean {
    return (
      target.fsuid === this.#own.fsuid &&
      target.fsgid === this.#own.fsgid &&
      target.capabilities === this.#own.capabilities &&
      sameGroups(target.groups, this.#own.groups)
    );
  }

  /** Sets the umask; it stays until the next act that needs another one. */
  setUmask(umask: number): void {
    if (umask === this.#umask) return;
    attempt('umask', umask);
    this.#umask = umask;
  }

  /** Acts as somebody else. @throws {Refused} EPERM where this thread cannot become that */
  as<T>(target: Identity, act: () => T): T {
    if (this.isSame(target) || this.#acting !== undefined) return act();
    try {
      this.#become(target);
      return act();
    } finally {
      this.#return();
    }
  }

  /** Does something as this thread itself in the middle of acting as somebody else. */
  asSelf<T>(act: () => T): T {
    const target = this.#acting;
    if (target === undefined) return act();
    this.#return();
    try {
      return act();
    } finally {
      this.#become(target);
    }
  }

  #become(target: Identity): void {
    this.#acting = target;
    // Groups first: they need a capability that goes with the rest.
    this.#setGroups(target.groups);
    this.#setFsIds(target.fsuid, target.fsgid);
    this.#setEffective(target.capabilities);
  }

  #return(): void {
    this.#acting = undefined;
    this.#setEffective(this.#own.capabilities);
    this.#setFsIds(this.#own.fsuid, this.#own.fsgid);
    this.#setGroups(this.#own.groups);
  }

  #setGroups(groups: readonly number[]): void {
    const list = Uint32Array.from(groups);
    const now = new Uint32Array(65_536);
    const count = attempt('getgroups', now.length, now);
    if (count >= 0 && sameGroups([...now.subarray(0, count)], groups)) return;
    if (attempt('setgroups', list.length, list.length === 0 ? null : list) < 0) refuse(ERRNO.EPERM);
  }

  #setFsIds(uid: number, gid: number): void {
    attempt('setfsgid', gid);
    attempt('setfsuid', uid);
    // These calls tell no error: asking with an id that nobody has answers with what is in force.
    if (attempt('setfsgid', -1) !== gid || attempt('setfsuid', -1) !== uid) refuse(ERRNO.EPERM);
  }

  #setEffective(capabilities: bigint): void {
    const header = new Uint32Array(CAP_WORDS.header);
    header[0] = CAPABILITY_VERSION_3;
    const data = new Uint32Array(CAP_WORDS.data);
    if (attempt('capget', header, data) < 0) refuse(ERRNO.EPERM);
    const permitted = BigInt(data[1]!) | (BigInt(data[4]!) << 32n);
    // A target of a user namespace has capabilities there that mean nothing here.
    const effective = capabilities & permitted;
    data[0] = Number(effective & 0xffff_ffffn);
    data[3] = Number(effective >> 32n);
    if (attempt('capset', header, data) < 0) refuse(ERRNO.EPERM);
  }
}

function sameGroups(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((group, index) => group === right[index]);
}
