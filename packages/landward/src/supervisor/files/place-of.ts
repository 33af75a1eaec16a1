/**
 * From an open object to a `Place`: its type, identity, and where it is now.
 *
 * Owns the truth about names of deleted and nameless objects. Whether a place may be used is the authority's business.
 */

import { attempt } from '../../kernel/call.ts';
import { AT_FDCWD, MFD } from '../../uapi/open.ts';
import { type Call, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { drop, encodePath, type Fact, lookAtEntry, lookAtFd, whereIs } from './look.ts';
import { isOwnMount } from './own-mounts.ts';

const DELETED = ' (deleted)';
const ESTALE = 116;
/** Before a path that means another object here: no rule covers it. */
const ELSEWHERE = '(unreachable)';

/** The path of a place in its own mount tree, which may not be this process's: for looking there, and for showing. */
export function pathInTree(path: string): string {
  return path.startsWith(`${ELSEWHERE}/`) ? path.slice(ELSEWHERE.length) : path;
}

/**
 * Describes an object that is open in this process.
 *
 * @param fd owned by the call; it becomes `Place.fd`
 * @param known what was already looked up: the fact, and the path where it is certain
 * @throws {Refused} ENAMETOOLONG where the object lies too deep for its path to be told
 */
export function placeOf(
  _call: Call,
  fd: number,
  known: { readonly fact?: Fact; readonly path?: string } = {},
): Place {
  return describe(fd, known);
}

/** As `placeOf`, for a descriptor that no call owns. */
export function describe(fd: number, known: { readonly fact?: Fact; readonly path?: string } = {}): Place {
  const fact = known.fact ?? factOf(fd);
  const base = { fd, type: fact.type, dev: fact.dev, ino: fact.ino };
  if (known.path !== undefined)
    return { ...base, path: known.path, unlinked: fact.nlink === 0, exempt: false };
  const text = whereIs(fd);
  if (typeof text === 'number') return refuse(-text);
  const exempt = !text.startsWith('/') || fact.dev === memoryDevice();
  if (!text.endsWith(DELETED)) {
    // A path in another tree of mounts counts only where it means the same object here.
    const own = exempt || fact.nlink === 0 || isOwnMount(fact.mount) || isAt(text, fact);
    return { ...base, path: own ? text : `${ELSEWHERE}${text}`, unlinked: fact.nlink === 0, exempt };
  }
  // A name may end like the mark: then something is there, and it is this object.
  const named = fact.nlink > 0 && isAt(text, fact);
  const path = named ? text : text.slice(0, -DELETED.length);
  return { ...base, path: path === '' ? '/' : path, unlinked: !named, exempt };
}

/** @throws {Refused} where the object cannot be looked at any more */
export function factOf(fd: number): Fact {
  const fact = lookAtFd(fd);
  return typeof fact === 'number' ? refuse(fact === -9 ? ESTALE : -fact) : fact;
}

function isAt(path: string, fact: Fact): boolean {
  const found = lookAtEntry(AT_FDCWD, encodePath(path));
  return typeof found !== 'number' && found.dev === fact.dev && found.ino === fact.ino;
}

let memory: bigint | undefined;

/** The file system of memory files (memfd, System V shared memory): Landlock never looks at it. One for each kernel. */
function memoryDevice(): bigint {
  memory ??= askMemoryDevice();
  return memory;
}

function askMemoryDevice(): bigint {
  const fd = attempt('memfd_create', encodePath('landward\0'), MFD.CLOEXEC);
  const fact = fd < 0 ? fd : lookAtFd(fd);
  if (fd >= 0) drop(fd);
  return typeof fact === 'number' ? -1n : fact.dev;
}
