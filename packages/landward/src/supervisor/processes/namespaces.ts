/**
 * PID namespaces as the model knows them: one object for each, with the ones above up to this process's own.
 *
 * Owns their identity. A namespace that was met is pinned by a descriptor, so that its inode number never comes to mean another;
 * names that were made there mean nothing elsewhere.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import type { PidNamespace } from '../../model/landlock/index.ts';
import { IOCTL } from '../../uapi/ioctl.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';
import type { Call } from '../call.ts';
import { pathBytes, readProcLink } from '../target/proc.ts';

/** Namespaces that one run may keep. To whoever is in a later one all names are hidden, and theirs to all inside. */
const MOST = 64;

export class PidNamespaces implements Disposable {
  /** The namespace of this process, in which its numbers are. */
  readonly own: PidNamespace = { parent: null };
  readonly #ownLink = readProcLink('/proc/self/ns/pid');
  readonly #known = new Map<string, PidNamespace>();
  readonly #pins: number[] = [];

  /** The namespace of a thread; one that is no other thread's where it cannot be told. */
  of(tid: number): PidNamespace {
    const path = `/proc/${tid}/ns/pid`;
    const link = readProcLink(path);
    if (link !== null && link === this.#ownLink) return this.own;
    const flags = O[ARCH].RDONLY | O[ARCH].CLOEXEC;
    return this.#behind(attempt('openat', AT_FDCWD, pathBytes(path), flags, 0), 0);
  }

  /** The namespace behind a descriptor, which is kept or closed. */
  #behind(fd: number, level: number): PidNamespace {
    const link = fd < 0 ? null : readProcLink(`/proc/thread-self/fd/${fd}`);
    const known = link === null ? undefined : link === this.#ownLink ? this.own : this.#known.get(link);
    if (link === null || known !== undefined || this.#pins.length + level >= MOST) {
      if (fd >= 0) attempt('close', fd);
      return known ?? { parent: null };
    }
    const parent = this.#behind(attempt('ioctl', fd, IOCTL.NS_GET_PARENT, 0), level + 1);
    const made: PidNamespace = { parent };
    this.#pins.push(fd);
    this.#known.set(link, made);
    return made;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#pins.splice(0)) attempt('close', fd);
    this.#known.clear();
  }
}

const KEY = Symbol('PID namespaces');

/** The namespaces that a run has met. */
export function namespacesOf(call: Call): PidNamespaces {
  return call.run.state(KEY, () => new PidNamespaces());
}

/** How deep a namespace lies: the index of a thread's number in it among all of its numbers. */
export function depthOf(namespace: PidNamespace): number {
  let depth = 0;
  for (let above = namespace.parent; above !== null; above = above.parent) depth++;
  return depth;
}
