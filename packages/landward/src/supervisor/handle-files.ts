/**
 * The open files behind handles, and which of them are still open anywhere: in a process, or on the way to one.
 *
 * A handle is an epoll instance that watches a file which never has an event; beside its number that is all it holds. A second
 * instance, that nobody else has, watches the handles: the kernel drops a handle from it with its last reference. Owns these
 * files. Both lists are bounded by the kernel, which counts the ways from a watched file up, so there are many short ones.
 */

import { readFileSync } from 'node:fs';
import { attempt } from '../kernel/call.ts';
import { ERRNO } from '../uapi/errno.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EFD_CLOEXEC = 0o2000000;
/** The kernel allows 500 ways of two steps from one file, and whoever holds a handle can make some himself. */
const MOST = 400;

/** A number of 64 bits, low half first. */
export type HandleNumber = readonly [low: number, high: number];

interface Group {
  /** What its handles watch. */
  readonly anchor: number;
  /** What watches its handles. */
  readonly census: number;
  count: number;
}

export class HandleFiles implements Disposable {
  #groups: Group[] = [];

  /**
   * Makes a descriptor that bears a number.
   *
   * @returns the descriptor, the caller's, or `-errno`
   */
  make(number: HandleNumber): number {
    const open = this.#groups.find(({ count }) => count < MOST);
    const made = open === undefined ? -ERRNO.EINVAL : makeIn(open, number);
    if (made !== -ERRNO.EINVAL) return made;
    if (open !== undefined) open.count = MOST;
    const fresh = this.#group();
    return typeof fresh === 'number' ? fresh : makeIn(fresh, number);
  }

  /** The numbers of handles that are open anywhere, as hexadecimal text. */
  alive(): ReadonlySet<string> {
    const alive = new Set<string>();
    const kept: Group[] = [];
    for (const group of this.#groups) {
      const numbers = numbersIn(readFileSync(`/proc/self/fdinfo/${group.census}`, 'latin1'));
      for (const number of numbers) alive.add(number);
      group.count = numbers.length;
      if (numbers.length > 0) kept.push(group);
      else close(group);
    }
    this.#groups = kept;
    return alive;
  }

  #group(): Group | number {
    const anchor = attempt('eventfd2', 0, EFD_CLOEXEC);
    if (anchor < 0) return anchor;
    const census = attempt('epoll_create1', EPOLL_CLOEXEC);
    if (census < 0) {
      attempt('close', anchor);
      return census;
    }
    const group = { anchor, census, count: 0 };
    this.#groups.push(group);
    return group;
  }

  [Symbol.dispose](): void {
    for (const group of this.#groups.splice(0)) close(group);
  }
}

/** The numbers of what an epoll instance watches, by its text in procfs. */
export function numbersIn(text: string): string[] {
  return [...text.matchAll(/^tfd:.* data:\s*([0-9a-f]+) /gm)].map(([, number]) => number!);
}

function makeIn(group: Group, number: HandleNumber): number {
  const fd = attempt('epoll_create1', EPOLL_CLOEXEC);
  if (fd < 0) return fd;
  // Packed on x86-64 only: struct epoll_event is 12 bytes there and 16 elsewhere.
  const event = new Uint32Array(process.arch === 'x64' ? [0, ...number] : [0, 0, ...number]);
  const watched = attempt('epoll_ctl', fd, EPOLL_CTL_ADD, group.anchor, event);
  const counted = watched < 0 ? watched : attempt('epoll_ctl', group.census, EPOLL_CTL_ADD, fd, event);
  if (counted < 0) {
    attempt('close', fd);
    return counted;
  }
  group.count++;
  return fd;
}

function close({ anchor, census }: Group): void {
  attempt('close', census);
  attempt('close', anchor);
}
