/**
 * From a path in the target's memory to a pinned object, in the target's view and with its identity.
 *
 * Owns the choice between one look-up by the kernel, where nothing can mean another thing to the supervisor than to the
 * target, and the walk (`walk.ts`). Decides nothing but what `hide` makes absent.
 */

import { ARCH } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD, O, RESOLVE } from '../../uapi/open.ts';
import { type Call, refuse } from '../call.ts';
import type { Entry, Place } from '../place.ts';
import { type Follower, followerOf, found } from './follow.ts';
import { decodePath, drop, type Fact, openPlace } from './look.ts';
import { cutLast, endsInSlash, goesUp, plainPath } from './path-bytes.ts';
import { factOf, placeOf } from './place-of.ts';
import { isProcfs } from './procfs.ts';
import type { End, Route } from './route.ts';
import { type Start, startOf } from './start-of.ts';
import { isHidden, mustBeVisible } from './visible.ts';
import { walk } from './walk.ts';

/** How a path is understood. */
export interface Look {
  /** Whether a symbolic link as the last component is followed; yes where left out. */
  readonly follow?: boolean;
  /** Whether an empty path means the descriptor itself (`AT_EMPTY_PATH`). */
  readonly emptyPath?: boolean;
  /** `RESOLVE_*` of openat2. */
  readonly resolve?: number;
  /** Whether only a directory is right: ENOTDIR otherwise, and what is mounted on demand is mounted. */
  readonly directory?: boolean;
}

/** An `Entry`, and what else the path said. */
export interface Named extends Entry {
  /**
   * What the last component is. `dot`, `dotdot` and `root` name no entry: then `name` is empty, and `parent` and
   * `object` are the object itself.
   */
  readonly last: 'name' | 'dot' | 'dotdot' | 'root';
  /** Whether the path ends in a slash: only a directory is right then. Not checked, and follows no link. */
  readonly slash: boolean;
  /** Why the name could not be looked up, where it is not just missing: EACCES, ENAMETOOLONG. `object` is null then. */
  readonly error?: number;
}

/**
 * Finds an object.
 *
 * @param dirfd the target's descriptor for relative paths, or `AT_FDCWD`
 * @param path bytes without a NUL, as `target.readPath` gives them
 * @throws {Refused} the kernel's errno for the target; ENOENT for what is hidden
 * @example resolve(call, call.int(0), call.target.readPath(call.arg(1)), { follow: false })
 */
export function resolve(call: Call, dirfd: number, path: Uint8Array, look: Look = {}): Place {
  if (path.length === 0) {
    if (!look.emptyPath) refuse(ERRNO.ENOENT);
    // What is open already is no secret.
    return placeOf(call, dirfd === AT_FDCWD ? call.target.cwd() : call.target.fd(dirfd));
  }
  return call.target.as(() => find(call, dirfd, path, look), { umask: false });
}

/**
 * Finds the directory and name that a path ends in, whether or not something is there.
 *
 * @param look `follow`: a link as the last component leads on, to the name that it means (`open` with O_CREAT);
 *   not followed where left out
 * @returns the entry; `object` is null for a name that is free, or hidden
 */
export function resolveEntry(call: Call, dirfd: number, path: Uint8Array, look: Look = {}): Named {
  if (path.length === 0) refuse(ERRNO.ENOENT);
  return call.target.as(() => findEntry(call, dirfd, path, look), { umask: false });
}

function find(call: Call, dirfd: number, path: Uint8Array, look: Look): Place {
  if (call.run.plan.supervisor.landlock !== undefined && !look.directory)
    return findInParent(call, dirfd, path, look);
  const start = startOf(call, dirfd, path, look.resolve ?? 0);
  const hides = isHiding(call);
  const follower = followerOf(call);
  const quick = start.quick && follower === undefined && !(hides && goesUp(path));
  let pinned = quick ? lookUp(start, path, look, hides) : null;
  if (pinned === null) {
    const end = walk(call, path, routeOf(call, start, look, { missing: false, hides, follower }));
    if (end.parent >= 0) drop(end.parent);
    pinned = { fd: call.own(end.fd), fact: end.fact! };
    if (look.directory && pinned.fact.type !== 'dir') refuse(ERRNO.ENOTDIR);
  } else call.own(pinned.fd);
  return found(visible(call, placeOf(call, pinned.fd, pinned)), follower);
}

/** As `find`, with the directory in which the name was found: what user-space Landlock walks up from. */
function findInParent(call: Call, dirfd: number, path: Uint8Array, look: Look): Place {
  const { object, parent, slash, last, error } = findEntry(call, dirfd, path, {
    ...look,
    follow: look.follow !== false || endsInSlash(path),
  });
  if (object === null) return refuse(error ?? ERRNO.ENOENT);
  if (slash && object.type !== 'dir') refuse(ERRNO.ENOTDIR);
  return last === 'name' && object.type !== 'dir' ? { ...object, parent: parent.fd } : object;
}

interface Pinned {
  readonly fd: number;
  readonly fact: Fact;
  readonly path?: string;
}

/**
 * One look-up by the kernel, or two; `null` where only the walk can tell.
 *
 * The first passes no link, so it can meet nothing that means the caller. The second follows ordinary links; the caller
 * is meant only by links of procfs, and what they lead to is on procfs again.
 */
function lookUp(start: Start, path: Uint8Array, look: Look, hides: boolean): Pinned | null {
  const flags = (look.follow === false ? O[ARCH].NOFOLLOW : 0) | (look.directory ? O[ARCH].DIRECTORY : 0);
  const resolve = start.resolve | RESOLVE.NO_MAGICLINKS;
  const direct = openPlace(start.base, path, flags, resolve | RESOLVE.NO_SYMLINKS);
  if (direct >= 0) {
    const known = start.plain ? plainPath(path) : undefined;
    const fact = keep(direct);
    return known === undefined ? { fd: direct, fact } : { fd: direct, fact, path: known };
  }
  if (direct !== -ERRNO.ELOOP && direct !== -ERRNO.EAGAIN) return hides ? null : refuse(-direct);
  if (hides || !start.linksHold) return null;
  const followed = openPlace(start.base, path, flags, resolve);
  if (followed < 0) return null;
  const fact = keep(followed);
  if (!isProcfs(followed, fact)) return { fd: followed, fact };
  drop(followed);
  return null;
}

function keep(fd: number): Fact {
  try {
    return factOf(fd);
  } catch (error) {
    drop(fd);
    throw error;
  }
}

function routeOf(
  call: Call,
  start: Start,
  look: Look,
  { missing, hides, follower }: { missing: boolean; hides: boolean; follower: Follower | undefined },
): Route {
  const root = call.target.root();
  return {
    base: start.directory === AT_FDCWD ? root : start.directory,
    root,
    follow: look.follow !== false,
    // What `startOf` added for the kernel's look-up is the walk's own business.
    resolve: look.resolve ?? 0,
    missing,
    follower,
    visit: hides ? (fd, fact) => mustBeVisible(call, fd, fact) : undefined,
  };
}

function findEntry(call: Call, dirfd: number, path: Uint8Array, look: Look): Named {
  const hides = isHiding(call);
  const follower = followerOf(call);
  const cut = follower === undefined ? cutLast(path) : null;
  if (cut !== null && !(hides && goesUp(path))) {
    const parent = parentPlace(call, dirfd, cut.directory, look);
    const fd = openPlace(parent.fd, cut.name, O[ARCH].NOFOLLOW, 0);
    const at = fd < 0 ? fd : { fd, fact: factOf(call.own(fd)) };
    const leads = typeof at !== 'number' && at.fact.type === 'lnk' && look.follow === true;
    if (!leads) return entryOf(call, parent, cut, at, hides);
  }
  const start = startOf(call, dirfd, path, look.resolve ?? 0);
  const how = { ...look, follow: look.follow === true };
  const end = walk(call, path, routeOf(call, start, how, { missing: true, hides, follower }));
  const at = end.fd < 0 ? end.fd : { fd: ownWith(call, end.fd, end.parent), fact: end.fact! };
  if (typeof at !== 'number' && end.parent < 0)
    return nameless(call, path, found(placeOf(call, at.fd, at), follower), end);
  if (end.fd < 0) call.own(end.parent);
  return entryOf(call, found(visible(call, placeOf(call, end.parent)), follower), end, at, hides);
}

/** Gives the call a descriptor and another, if there is one: both are its own also where it may not keep them. */
function ownWith(call: Call, fd: number, other: number): number {
  try {
    return call.own(fd);
  } finally {
    if (other >= 0) call.own(other);
  }
}

/** The directory that the last component is looked up in. */
function parentPlace(call: Call, dirfd: number, directory: Uint8Array | null, look: Look): Place {
  if (directory !== null)
    return find(call, dirfd, directory, { resolve: look.resolve ?? 0, directory: true });
  const fd = dirfd === AT_FDCWD ? call.target.cwd() : call.target.fd(dirfd);
  const place = visible(call, placeOf(call, fd));
  return place.type === 'dir' ? place : refuse(ERRNO.ENOTDIR);
}

function entryOf(
  call: Call,
  parent: Place,
  { name, slash }: { readonly name: Uint8Array; readonly slash: boolean },
  at: { readonly fd: number; readonly fact: Fact } | number,
  hides: boolean,
): Named {
  const path = `${parent.path === '/' ? '' : parent.path}/${decodePath(name)}`;
  const entry = { parent, name: Uint8Array.from(name), path, last: 'name', slash } as const;
  if (hides && isHidden(call, path)) return { ...entry, object: null };
  if (typeof at !== 'number') {
    const object = placeOf(call, at.fd, { fact: at.fact, path });
    return { ...entry, object: parent.trail === undefined ? object : { ...object, trail: parent.trail } };
  }
  return at === -ERRNO.ENOENT ? { ...entry, object: null } : { ...entry, object: null, error: -at };
}

function nameless(call: Call, path: Uint8Array, object: Place, end: End): Named {
  const parts = decodePath(path)
    .split('/')
    .filter((part) => part !== '');
  const last = parts.at(-1) === '..' ? 'dotdot' : parts.at(-1) === '.' ? 'dot' : 'root';
  const place = visible(call, object);
  return { parent: place, object: place, name: end.name, path: place.path, last, slash: end.slash };
}

function visible(call: Call, place: Place): Place {
  if (isHiding(call) && !place.exempt && isHidden(call, place.path, place)) refuse(ERRNO.ENOENT);
  return place;
}

function isHiding(call: Call): boolean {
  return call.run.plan.supervisor.groups.includes('find');
}
