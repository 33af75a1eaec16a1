/**
 * Descriptors that stand for something of landward's in a supervised program: a ruleset, a policy program, a domain.
 *
 * Such a descriptor is an epoll instance: reading and writing it fail as on the kernel's own kinds, it survives dup, fork and
 * SCM_RIGHTS, and it carries 64 random bits that procfs shows. Owns making and recognising; what it stands for is the
 * caller's.
 */

import { attempt } from '../kernel/call.ts';
import { ERRNO } from '../uapi/errno.ts';
import { readProc } from './target/proc.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EFD_CLOEXEC = 0o2000000;
/** Descriptors of one kind that one run may have alive. */
const MOST = 10_000;

export class Handles<T> implements Disposable {
  readonly #held = new Map<string, T>();
  readonly #numbers = new Map<T, readonly [low: number, high: number]>();
  /** What every instance watches: it never has an event, and keeps the entry with the number alive. */
  readonly #anchor = attempt('eventfd2', 0, EFD_CLOEXEC);

  /**
   * Makes a descriptor that stands for something. Descriptors of the same object bear the same number.
   *
   * @returns the descriptor, the caller's, or `-errno`
   */
  make(what: T): number {
    const known = this.#numbers.get(what);
    if (known === undefined && this.#held.size >= MOST) return -ERRNO.EMFILE;
    const fd = attempt('epoll_create1', EPOLL_CLOEXEC);
    if (fd < 0) return fd;
    const random = known ?? crypto.getRandomValues(new Uint32Array(2));
    // Packed on x86-64 only: struct epoll_event is 12 bytes there and 16 elsewhere.
    const event = new Uint32Array(process.arch === 'x64' ? [0, ...random] : [0, 0, ...random]);
    const result = attempt('epoll_ctl', fd, EPOLL_CTL_ADD, this.#anchor, event);
    if (result < 0) {
      attempt('close', fd);
      return result;
    }
    const key = ((BigInt(random[1]!) << 32n) | BigInt(random[0]!)).toString(16);
    this.#held.set(key, what);
    this.#numbers.set(what, [random[0]!, random[1]!]);
    return fd;
  }

  /** What a descriptor of this process stands for; `null` where it is something else. */
  find(fd: number): T | null {
    const bytes = readProc(`/proc/thread-self/fdinfo/${fd}`, 1024);
    if (bytes === null) return null;
    const entries = [
      ...Buffer.from(bytes)
        .toString('latin1')
        .matchAll(/^tfd:.* data:\s*([0-9a-f]+) /gm),
    ];
    return entries.length === 1 ? (this.#held.get(entries[0]![1]!) ?? null) : null;
  }

  [Symbol.dispose](): void {
    attempt('close', this.#anchor);
    this.#held.clear();
    this.#numbers.clear();
  }
}
