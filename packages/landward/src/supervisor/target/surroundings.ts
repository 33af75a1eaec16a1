/**
 * What the deciding thread knows of itself: its identity, its root, its user namespace. Made once, before anything is
 * supervised; none of it changes.
 */

import { attempt } from '../../kernel/call.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import { PR } from '../../uapi/prctl.ts';
import { RLIMIT } from '../../uapi/resource.ts';
import type { TaskStatus } from '../target.ts';
import { OwnIdentity } from './identity.ts';
import { Memory } from './memory.ts';
import { pathBytes, readProcLink } from './proc.ts';
import { readStatus } from './status.ts';

const STATX = { mountId: 0x1000, ino: 0x100, bytes: 256, inoAt: 32, mountIdAt: 144, majorAt: 136 } as const;

/** Descriptors that are left to this process itself, however many its targets would take. */
const RESERVED = 64;

const facts = new DataView(new ArrayBuffer(STATX.bytes));

export class Surroundings {
  readonly memory = new Memory();
  readonly identity: OwnIdentity;
  /** Whether this thread may do what a user namespace of a target's own would take away. */
  readonly isPrivileged: boolean;
  /** Whether targets begin as somebody else than this thread. */
  readonly isMixed: boolean;
  /** Descriptors from this number on are not held for targets: this process needs some to look at them, and to end them. */
  readonly ceiling: number;
  readonly #root: string | undefined;
  readonly #userNamespace: string | null;

  constructor() {
    const self = attempt('gettid');
    const own = readStatus(self);
    this.identity = new OwnIdentity(own);
    this.isPrivileged = own.capabilities !== 0n;
    this.isMixed =
      own.uid !== own.fsuid || own.euid !== own.fsuid || own.egid !== own.fsgid || !keepsCapabilities(own);
    this.ceiling = descriptorCeiling();
    this.#root = rootOf(self);
    this.#userNamespace = userNamespaceOf(self);
  }

  /** Whether a thread's root is this thread's, so that absolute paths mean the same. */
  hasOwnRoot(tid: number): boolean {
    return this.#root !== undefined && rootOf(tid) === this.#root;
  }

  /** Whether a thread is in this thread's user namespace. */
  hasOwnNamespace(tid: number): boolean {
    const namespace = userNamespaceOf(tid);
    return namespace !== null && namespace === this.#userNamespace;
  }
}

function descriptorCeiling(): number {
  const limit = new BigUint64Array(2);
  if (attempt('prlimit64', 0, RLIMIT.NOFILE, null, limit) < 0) return 0;
  const most = Math.min(Number(limit[0]!), 2 ** 30);
  return most - Math.min(RESERVED, Math.floor(most / 4));
}

/**
 * Whether a program that this thread's program starts has the capabilities of this thread. Of a user other than root they
 * end with execve, and so do root's that are not in its bounding set, or all of them where it is no special user.
 */
function keepsCapabilities({ fsuid, capabilities }: TaskStatus): boolean {
  if (capabilities === 0n) return true;
  if (fsuid !== 0 || attempt('prctl', PR.GET_SECUREBITS) !== 0) return false;
  for (let left = capabilities, number = 0; left > 0n; left >>= 1n, number++)
    if (left & 1n && attempt('prctl', PR.CAPBSET_READ, number) !== 1) return false;
  return true;
}

function userNamespaceOf(tid: number): string | null {
  return readProcLink(`/proc/${tid}/ns/user`);
}

/** The mount and inode of a thread's root. */
function rootOf(tid: number): string | undefined {
  const path = pathBytes(`/proc/${tid}/root/`);
  const result = attempt('statx', AT_FDCWD, path, 0, STATX.mountId | STATX.ino, facts);
  if (result < 0) return undefined;
  const device = `${facts.getUint32(STATX.majorAt, true)}:${facts.getUint32(STATX.majorAt + 4, true)}`;
  return `${facts.getBigUint64(STATX.mountIdAt, true)} ${device} ${facts.getBigUint64(STATX.inoAt, true)}`;
}
