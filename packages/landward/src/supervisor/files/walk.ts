/**
 * The walk over a path, component by component, as the kernel would do it for the target: what is needed as soon as
 * procfs, a magic link, another root or a hidden directory may lie on the way.
 *
 * Owns the rules of path resolution (links, `..`, roots, `RESOLVE_*`). Every step is one lookup by the kernel from a
 * pinned directory; nothing is looked up twice.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { F, O, RESOLVE } from '../../uapi/open.ts';
import { type Call, must, refuse } from '../call.ts';
import { mayFollowIn, readMagic } from './links.ts';
import { decodePath, drop, encodePath, type Fact, openPlace, PATH_MAX, readLink } from './look.ts';
import { endsInSlash, isAbsolute, isDot, isDotDot, split } from './path-bytes.ts';
import { factOf } from './place-of.ts';
import { isProcfs, selfLink } from './procfs.ts';
import type { End, Route } from './route.ts';

const MAX_LINKS = 40;

/**
 * Walks.
 *
 * @throws {Refused} the kernel's errno
 */
export function walk(call: Call, path: Uint8Array, route: Route): End {
  using walker = new Walker(call, route);
  return walker.run(path);
}

const NOTHING = new Uint8Array();

/** One walk: the place that it has reached, and what is left of the path. */
class Walker implements Disposable {
  readonly #call: Call;
  readonly #route: Route;
  /** Where absolute links lead, and `..` ends. */
  readonly #scope: number;
  readonly #scopeFact: Fact;
  #at: number;
  #fact: Fact;
  #parent = -1;
  #name: Uint8Array = NOTHING;
  /** The last component first. */
  readonly #rest: Uint8Array[] = [];
  #slash = false;
  #knowsRoot: boolean;
  #links = 0;

  constructor(call: Call, route: Route) {
    this.#call = call;
    this.#route = route;
    this.#scope = route.resolve & (RESOLVE.IN_ROOT | RESOLVE.BENEATH) ? route.base : route.root;
    this.#scopeFact = factOf(this.#scope);
    this.#fact = factOf(route.base);
    this.#knowsRoot = route.base === route.root || this.#scope === route.base;
    this.#at = copy(route.base);
  }

  run(path: Uint8Array): End {
    this.#route.follower?.start(this.#at, this.#fact);
    this.#push(path);
    for (let part = this.#rest.pop(); part !== undefined; part = this.#rest.pop()) {
      const lookup = isDot(part) ? 'dot' : isDotDot(part) ? 'dotdot' : 'name';
      this.#route.follower?.step(this.#at, this.#fact, lookup);
      if (lookup === 'dot') this.#stay();
      else if (lookup === 'dotdot') this.#up();
      else {
        const failed = this.#down(part);
        if (failed < 0) return this.#end(failed);
      }
    }
    if (this.#slash && !this.#route.missing && this.#fact.type !== 'dir') refuse(ERRNO.ENOTDIR);
    const fd = this.#at;
    this.#at = -1;
    return this.#end(fd);
  }

  #end(fd: number): End {
    const parent = this.#parent;
    this.#parent = -1;
    const fact = fd < 0 ? null : this.#fact;
    return { fd, fact, parent, name: parent < 0 ? NOTHING : this.#name, slash: this.#slash };
  }

  /** Puts a text in front of what is left; an absolute one starts from the root. */
  #push(text: Uint8Array): void {
    if (isAbsolute(text)) this.#jump();
    const parts = split(text);
    // Only the text that ends the path says whether that ends in a slash.
    if (this.#rest.length === 0) this.#slash ||= endsInSlash(text);
    for (const part of parts.reverse()) this.#rest.push(part);
  }

  #jump(): void {
    const { resolve } = this.#route;
    if (resolve & RESOLVE.BENEATH) refuse(ERRNO.EXDEV);
    // The kernel learns the root late: before that, any jump counts as leaving the mount.
    if (resolve & RESOLVE.NO_XDEV && !this.#knowsRoot) refuse(ERRNO.EXDEV);
    this.#reach(copy(this.#scope), this.#scopeFact);
    this.#route.follower?.start(this.#at, this.#fact);
  }

  /** Goes on from an object that has no name here. */
  #reach(fd: number, fact: Fact): void {
    this.#forget();
    if (this.#at >= 0) drop(this.#at);
    const crossed = fact.mount !== this.#fact.mount;
    this.#at = fd;
    this.#fact = fact;
    if (crossed && this.#route.resolve & RESOLVE.NO_XDEV) refuse(ERRNO.EXDEV);
  }

  #forget(): void {
    if (this.#parent >= 0) drop(this.#parent);
    this.#parent = -1;
  }

  /** `.` needs a directory that can be searched. */
  #stay(): void {
    const fd = must(openPlace(this.#at, encodePath('.'), 0, 0));
    this.#reach(fd, this.#fact);
  }

  #up(): void {
    this.#knowsRoot = true;
    if (this.#fact.type !== 'dir') refuse(ERRNO.ENOTDIR);
    if (same(this.#fact, this.#scopeFact)) {
      if (this.#route.resolve & RESOLVE.BENEATH) refuse(ERRNO.EXDEV);
      this.#stay();
      return;
    }
    const fd = must(openPlace(this.#at, encodePath('..'), 0, 0));
    this.#reach(fd, this.#checked(fd));
    this.#route.visit?.(fd, this.#fact);
  }

  /** Looks a name up; `-errno` where it is missing and may be. */
  #down(part: Uint8Array): number {
    const last = this.#rest.length === 0;
    let fd = openPlace(this.#at, part, O[ARCH].NOFOLLOW, 0);
    if (fd < 0 && last && this.#route.missing) {
      this.#forget();
      this.#parent = this.#at;
      this.#at = -1;
      this.#name = part;
      return fd;
    }
    must(fd);
    let fact = this.#checked(fd);
    if (fact.automount && (!last || this.#slash)) {
      drop(fd);
      fd = must(openPlace(this.#at, part, O[ARCH].NOFOLLOW | O[ARCH].DIRECTORY, 0));
      fact = this.#checked(fd);
    }
    if (fact.type === 'lnk' && (!last || this.#leads)) {
      try {
        this.#route.visit?.(fd, fact);
        this.#follow(fd, fact, part, last);
      } finally {
        drop(fd);
      }
      return 0;
    }
    this.#forget();
    const crossed = fact.mount !== this.#fact.mount;
    this.#parent = this.#at;
    this.#name = part;
    this.#at = fd;
    this.#fact = fact;
    if (crossed && this.#route.resolve & RESOLVE.NO_XDEV) refuse(ERRNO.EXDEV);
    this.#route.visit?.(fd, fact);
    return 0;
  }

  /** Whether a link as the last component is followed; a slash behind a name that is to be made follows nothing. */
  get #leads(): boolean {
    return this.#route.follow || (this.#slash && !this.#route.missing);
  }

  #checked(fd: number): Fact {
    try {
      return factOf(fd);
    } catch (error) {
      drop(fd);
      throw error;
    }
  }

  #follow(fd: number, fact: Fact, name: Uint8Array, last: boolean): void {
    if (this.#route.resolve & RESOLVE.NO_SYMLINKS || ++this.#links > MAX_LINKS) refuse(ERRNO.ELOOP);
    if (last && !mayFollowIn(this.#call, this.#fact, fact)) refuse(ERRNO.EACCES);
    if (isProcfs(fd, fact)) {
      const self = selfLink(this.#call, this.#at, this.#fact, decodePath(name));
      if (self !== null) {
        this.#push(encodePath(self));
        return;
      }
      const magic = readMagic(this.#call, this.#at, this.#fact, name, this.#route.resolve);
      if (magic !== null) {
        this.#reach(magic, this.#checked(magic));
        this.#route.follower?.start(this.#at, this.#fact);
        this.#route.visit?.(magic, this.#fact);
        return;
      }
    }
    const read = readLink(fd);
    const text = typeof read === 'number' ? refuse(-read) : read;
    if (text.length === 0) refuse(ERRNO.ENOENT);
    if (text.length >= PATH_MAX) refuse(ERRNO.ENAMETOOLONG);
    this.#push(text);
  }

  [Symbol.dispose](): void {
    this.#forget();
    if (this.#at >= 0) drop(this.#at);
    this.#at = -1;
  }
}

function copy(fd: number): number {
  return must(attempt('fcntl', fd, F.DUPFD_CLOEXEC, 0));
}

function same(one: Fact, other: Fact): boolean {
  return one.dev === other.dev && one.ino === other.ino && one.mount === other.mount;
}
