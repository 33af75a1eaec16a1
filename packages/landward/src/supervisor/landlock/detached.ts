/**
 * Directories that are no longer below the root of the mount through which somebody holds them, and files whose directory
 * nobody has pinned: finding what is above them.
 *
 * Owns the looking. What cannot be found is left out, which grants less.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';
import type { Call } from '../call.ts';
import { encodePath, lookAtEntry, whereIs } from '../files/look.ts';
import type { Place } from '../place.ts';
import { pathBytes } from '../target/proc.ts';
import { type Ascent, ascend, type Level, lookAtLevel } from './ancestors.ts';
import {
  type MountLine,
  type Mounts,
  mountsOf,
  openIn,
  rawHandle,
  type Seen,
  uniqueMount,
} from './mounts.ts';
import type { Finder } from './world.ts';

/** Finds for one call. Descriptors belong to the call. */
export function finderFor(call: Call, known: Mounts): Finder {
  return {
    above(directory) {
      const mounts = mountsOf(call.target.tid);
      return directory.mountRoot
        ? aboveMount(call, known.seen(uniqueMount(directory.fd, directory.path)), mounts)
        : aboveDirectory(call, directory, mounts);
    },
    parentOf: (place) => parentOf(call, place),
  };
}

const NOTHING = { connected: null, mountRoot: null };

/** What is above a directory that has left the root of its mount. */
function aboveDirectory(call: Call, directory: Level, mounts: readonly MountLine[]) {
  const root = rootOf(
    call,
    mounts.find(({ id }) => id === directory.mount),
  );
  const level = root === null ? -1 : lookAtLevel(root);
  const isIt = typeof level !== 'number' && level.mount === directory.mount && level.mountRoot;
  if (root !== null && !isIt) attempt('close', root);
  const handle = rawHandle(directory.fd, directory.path);
  const dev = `${directory.dev >> 32n}:${directory.dev & 0xffffffffn}`;
  const found = handle === null ? null : connected(call, handle, dev, mounts);
  const [first] = found?.levels ?? [];
  const same = first !== undefined && first.ino === directory.ino && first.dev === directory.dev;
  return { connected: same ? found : null, mountRoot: isIt ? root : null };
}

/** What is above a mount whose place has left the root of the mount that it is on. */
function aboveMount(call: Call, seen: Seen | undefined, mounts: readonly MountLine[]) {
  if (seen === undefined) return NOTHING;
  const root = rootOf(
    call,
    mounts.find(({ id }) => id === seen.onId),
  );
  if (root === null) return NOTHING;
  if (uniqueMount(root) === seen.on)
    return { connected: connected(call, seen.directory, seen.dev, mounts), mountRoot: root };
  attempt('close', root);
  return NOTHING;
}

function rootOf(call: Call, line: MountLine | undefined): number | null {
  return line === undefined ? null : openIn(call, line.at);
}

/**
 * A directory through a mount of its whole file system, where it has parents. The kernel lets only privileged processes
 * open by handle.
 */
function connected(call: Call, handle: Uint8Array, dev: string, mounts: readonly MountLine[]): Ascent | null {
  for (const line of mounts) {
    if (line.dev !== dev || line.root !== '/') continue;
    const mount = openIn(call, line.at);
    if (mount === null) continue;
    const usable = reopened(mount);
    const fd = usable < 0 ? -1 : attempt('open_by_handle_at', usable, handle, O[ARCH].PATH | O[ARCH].CLOEXEC);
    for (const one of [mount, usable]) if (one >= 0) attempt('close', one);
    if (fd < 0) continue;
    call.own(fd);
    return ascend(fd, (more) => call.own(more));
  }
  return null;
}

/** A place as a descriptor that other calls take: O_PATH ones are refused by open_by_handle_at. */
function reopened(fd: number): number {
  const flags = O[ARCH].RDONLY | O[ARCH].DIRECTORY | O[ARCH].CLOEXEC;
  return attempt('openat', AT_FDCWD, pathBytes(`/proc/thread-self/fd/${fd}`), flags, 0);
}

/**
 * The directory in which an object has its name, by the path that the kernel tells: opened, and proved by finding the object
 * in it under that name.
 */
function parentOf(call: Call, place: Place): number | null {
  const text = whereIs(place.fd);
  if (typeof text === 'number' || !text.startsWith('/')) return null;
  const cut = text.lastIndexOf('/');
  const folder = openIn(call, Buffer.from(cut === 0 ? '/' : text.slice(0, cut)).toString('latin1'));
  if (folder === null) return null;
  call.own(folder);
  const found = lookAtEntry(folder, encodePath(text.slice(cut + 1)));
  const same = typeof found !== 'number' && found.ino === place.ino && found.dev === place.dev;
  return same ? folder : null;
}
