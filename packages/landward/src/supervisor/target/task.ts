/**
 * The waiting thread as `Target`: its memory, descriptors, directories and identity, through procfs and pidfds.
 *
 * Owns no cache beyond one call: the next call finds another state. What cannot be another one is in `targets.ts`. Every descriptor that it gives belongs to the call.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { O } from '../../uapi/open.ts';
import { refuse, Unreadable } from '../call.ts';
import type { ActingOptions, Target, TaskStatus } from '../target.ts';
import { openProc, readProc, readProcLink } from './proc.ts';
import { readStatus } from './status.ts';
import type { Targets } from './targets.ts';

/** Since Linux 6.9 a pidfd can mean a thread, which may have descriptors of its own. */
const PIDFD_THREAD = 0o200;
/** The call's side of ownership. */
export interface Owner {
  own(fd: number): number;
  isPending(): boolean;
}

export class Task implements Target {
  readonly tid: number;
  readonly #around: Targets;
  readonly #owner: Owner;
  #status: TaskStatus | undefined;
  #pidfd = -1;
  #sharesRoot: boolean | undefined;
  #mayDiffer: boolean | undefined;

  constructor(tid: number, around: Targets, owner: Owner) {
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
    this.#sharesRoot ??=
      this.#around.sharesRoot ?? this.#around.foundRoot(this.#look(() => this.#around.hasOwnRoot(this.tid)));
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
    return this.#differs() ? identity.as(this.status(), act) : act();
  }

  get other(): TaskStatus | null {
    return this.#differs() && !this.#around.identity.isSame(this.status()) ? this.status() : null;
  }

  #differs(): boolean {
    // A thread that waits cannot change its own namespace meanwhile.
    this.#mayDiffer ??=
      this.#around.mayDiffer ??
      this.#around.foundNamespace(this.#look(() => this.#around.hasOwnNamespace(this.tid)));
    return this.#mayDiffer;
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
    this.#around.changesIdentity();
  }

  changesRoot(): void {
    this.#around.changesRoot();
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
