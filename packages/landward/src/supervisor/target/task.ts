/**
 * The waiting thread as `Target`: its memory, descriptors, directories and identity, through procfs and pidfds.
 *
 * Owns no cache beyond one call: the next call finds another state. Every descriptor that it gives belongs to the call.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';
import { refuse, Unreadable } from '../call.ts';
import type { ActingOptions, Target, TaskStatus } from '../target.ts';
import { OwnIdentity } from './identity.ts';
import { Memory } from './memory.ts';
import { openProc, pathBytes, readProc, readProcLink } from './proc.ts';
import { readStatus } from './status.ts';

/** Since Linux 6.9 a pidfd can mean a thread, which may have descriptors of its own. */
const PIDFD_THREAD = 0o200;
const STATX = { mountId: 0x1000, ino: 0x100, bytes: 256, inoAt: 32, mountIdAt: 144, majorAt: 136 } as const;

/** What the deciding thread knows of itself; made once, before anything is supervised. */
export class Surroundings {
  readonly memory = new Memory();
  readonly identity: OwnIdentity;
  readonly root: string;

  /** Set once any target may be somebody else than this process. */
  identitiesDiffer: boolean;
  readonly #userNamespace: string | null;
  readonly #privileged: boolean;

  /** @param tellsChanges whether targets are asked about when they change their identity */
  constructor(tellsChanges: boolean) {
    const self = attempt('gettid');
    const own = readStatus(self);
    this.identity = new OwnIdentity(own);
    this.#privileged = own.capabilities !== 0n;
    this.identitiesDiffer = !tellsChanges || own.uid !== own.fsuid || own.euid !== own.fsuid;
    this.root = rootOf(self) ?? '';
    this.#userNamespace = userNamespaceOf(self);
  }

  /** Whether a thread may be somebody else; a user namespace of its own takes away what a privileged supervisor has. */
  mayDiffer(tid: number): boolean {
    return this.identitiesDiffer || (this.#privileged && userNamespaceOf(tid) !== this.#userNamespace);
  }

  /** A status without the capabilities of another user namespace, which mean nothing here. */
  inOwnTerms(status: TaskStatus, tid: number): TaskStatus {
    if (status.capabilities === 0n) return status;
    const namespace = userNamespaceOf(tid);
    const own = namespace !== null && namespace === this.#userNamespace;
    return own ? status : { ...status, capabilities: 0n };
  }
}

function userNamespaceOf(tid: number): string | null {
  return readProcLink(`/proc/${tid}/ns/user`);
}

/** The mount and inode of a thread's root: the same where absolute paths mean the same. */
function rootOf(tid: number): string | undefined {
  const facts = new DataView(new ArrayBuffer(STATX.bytes));
  const path = pathBytes(`/proc/${tid}/root/`);
  const result = attempt('statx', AT_FDCWD, path, 0, STATX.mountId | STATX.ino, facts);
  if (result < 0) return undefined;
  const device = `${facts.getUint32(STATX.majorAt, true)}:${facts.getUint32(STATX.majorAt + 4, true)}`;
  return `${facts.getBigUint64(STATX.mountIdAt, true)} ${device} ${facts.getBigUint64(STATX.inoAt, true)}`;
}

/** The call's side of ownership. */
export interface Owner {
  own(fd: number): number;
  isPending(): boolean;
}

export class Task implements Target {
  readonly tid: number;
  readonly #around: Surroundings;
  readonly #owner: Owner;
  #status: TaskStatus | undefined;
  #pidfd = -1;
  #sharesRoot: boolean | undefined;
  #mayDiffer: boolean | undefined;

  constructor(tid: number, around: Surroundings, owner: Owner) {
    this.tid = tid;
    this.#around = around;
    this.#owner = owner;
  }

  read(address: number, length: number): Uint8Array {
    return this.#look(() => this.#around.memory.read(this.tid, address, length));
  }

  readSome(address: number, length: number): Uint8Array {
    return this.#look(() => this.#around.memory.readSome(this.tid, address, length));
  }

  readPath(address: number): Uint8Array {
    return this.#look(() => this.#around.memory.readPath(this.tid, address));
  }

  write(address: number, bytes: Uint8Array): void {
    this.#look(() => this.#around.memory.write(this.tid, address, bytes));
  }

  fd(number: number): number {
    if (number < 0) refuse(ERRNO.EBADF);
    if (this.#pidfd < 0) this.#pidfd = this.#openPidfd();
    const fd = this.#look(() => this.#owner.own(attempt('pidfd_getfd', this.#pidfd, number, 0)));
    if (fd >= 0) return fd;
    return fd === -ERRNO.EBADF ? refuse(ERRNO.EBADF) : unseen(fd);
  }

  #openPidfd(): number {
    const open = (tid: number, flags: number) =>
      this.#look(() => this.#owner.own(attempt('pidfd_open', tid, flags)));
    let fd = open(this.tid, PIDFD_THREAD);
    // Older kernels know processes only, whose threads nearly always share their descriptors.
    if (fd === -ERRNO.EINVAL) fd = open(this.status().pid, 0);
    return fd < 0 ? refuse(-fd) : fd;
  }

  root(): number {
    return this.#place('root');
  }

  cwd(): number {
    return this.#place('cwd');
  }

  #place(name: 'root' | 'cwd'): number {
    const path = `/proc/${this.tid}/${name}`;
    const fd = this.#look(() => this.#owner.own(openProc(path, O[ARCH].DIRECTORY)));
    return fd >= 0 ? fd : unseen(fd);
  }

  get sharesRoot(): boolean {
    this.#sharesRoot ??= this.#look(() => rootOf(this.tid)) === this.#around.root;
    return this.#sharesRoot;
  }

  status(): TaskStatus {
    this.#status ??= this.#look(() => this.#around.inOwnTerms(readStatus(this.tid), this.tid));
    return this.#status;
  }

  comm(): string {
    const bytes = readProc(`/proc/${this.tid}/comm`, 64);
    return bytes === null ? '' : Buffer.from(bytes).toString('utf8').replace(/\n$/, '');
  }

  exe(): string | undefined {
    return this.asSupervisor(() => readProcLink(`/proc/${this.tid}/exe`)) ?? undefined;
  }

  as<T>(act: () => T, { umask = true }: ActingOptions = {}): T {
    const { identity } = this.#around;
    if (umask) identity.setUmask(this.status().umask);
    // A thread that waits cannot change its own namespace meanwhile.
    this.#mayDiffer ??= this.#look(() => this.#around.mayDiffer(this.tid));
    return this.#mayDiffer ? identity.as(this.status(), act) : act();
  }

  asSupervisor<T>(act: () => T): T {
    return this.#around.identity.asSelf(act);
  }

  /**
   * Looks at the thread. Where nobody waits any more, the number may mean another thread by now, and what was seen is
   * nothing.
   */
  #look<T>(act: () => T): T {
    const seen = this.asSupervisor(act);
    return this.#owner.isPending() ? seen : refuse(ERRNO.ESRCH);
  }

  changesIdentity(): void {
    this.#around.identitiesDiffer = true;
  }
}

/** Ends the call where this process cannot look: a shortage of its own passes, a refusal is a denial with a reason. */
function unseen(result: number): never {
  switch (-result) {
    case ERRNO.EMFILE:
    case ERRNO.ENFILE:
    case ERRNO.ENOMEM:
      return refuse(ERRNO.ENOMEM);
    case ERRNO.ESRCH:
    case ERRNO.ENOENT:
      return refuse(ERRNO.ESRCH);
    default:
      throw new Unreadable(ERRNO.EPERM);
  }
}
