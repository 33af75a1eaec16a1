/**
 * Directories that are no longer below the root of the mount through which somebody holds them, and files whose directory
 * nobody has pinned: finding what is above them.
 *
 * Owns the looking. What cannot be found is left out, which grants less.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { AT_FDCWD, O, RESOLVE } from '../../uapi/open.ts';
import type { Call } from '../call.ts';
import { encodePath, lookAtEntry, openPlace, whereIs } from '../files/look.ts';
import type { Place } from '../place.ts';
import { pathBytes, readProc } from '../target/proc.ts';
import { ascend, type Level, lookAtLevel } from './ancestors.ts';
import type { Finder } from './world.ts';

const MOUNTINFO_ROOM = 1 << 20;
const HANDLE_ROOM = 128;

interface MountLine {
  readonly id: bigint;
  readonly dev: string;
  /** The directory of the file system that is the mount's root. */
  readonly root: string;
  /** Where it is mounted, in the target's root. */
  readonly at: string;
}

/** Finds for one call. Descriptors belong to the call. */
export function finderFor(call: Call): Finder {
  return {
    above(directory) {
      const mounts = mountsOf(call.target.tid);
      return { connected: connected(call, directory, mounts), mountRoot: mountRoot(call, directory, mounts) };
    },
    parentOf: (place) => parentOf(call, place),
  };
}

function mountsOf(tid: number): readonly MountLine[] {
  const bytes = readProc(`/proc/${tid}/mountinfo`, MOUNTINFO_ROOM);
  if (bytes === null) return [];
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  return lines.slice(0, -1).map((line) => {
    const [id = '0', , dev = '', root = '', at = ''] = line.split(' ');
    return { id: BigInt(id), dev, root: unescaped(root), at: unescaped(at) };
  });
}

function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Opens a path of the target's root, given as bytes in latin1; `null` where that fails. */
function openIn(call: Call, path: string): number | null {
  const bytes = Uint8Array.from(Buffer.from(path, 'latin1'));
  const fd = openPlace(call.target.root(), bytes, O[ARCH].DIRECTORY, RESOLVE.IN_ROOT | RESOLVE.NO_SYMLINKS);
  return fd < 0 ? null : fd;
}

/** The root of the mount that a directory belongs to. */
function mountRoot(call: Call, directory: Level, mounts: readonly MountLine[]): number | null {
  const line = mounts.find(({ id }) => id === directory.mount);
  const fd = line === undefined ? null : openIn(call, line.at);
  if (fd === null) return null;
  const level = lookAtLevel(fd);
  if (typeof level !== 'number' && level.mount === directory.mount && level.mountRoot) return fd;
  attempt('close', fd);
  return null;
}

/**
 * The same directory through a mount of its whole file system, where it has parents. The kernel lets only privileged
 * processes open by handle.
 */
function connected(call: Call, directory: Level, mounts: readonly MountLine[]) {
  const dev = `${directory.dev >> 32n}:${directory.dev & 0xffffffffn}`;
  const handle = rawHandle(directory);
  if (handle === null) return null;
  for (const line of mounts) {
    if (line.dev !== dev || line.root !== '/') continue;
    const mount = openIn(call, line.at);
    if (mount === null) continue;
    const usable = reopened(mount);
    const fd = usable < 0 ? -1 : attempt('open_by_handle_at', usable, handle, O[ARCH].PATH | O[ARCH].CLOEXEC);
    for (const one of [mount, usable]) if (one >= 0) attempt('close', one);
    if (fd < 0) continue;
    call.own(fd);
    const level = lookAtLevel(fd);
    if (typeof level === 'number' || level.ino !== directory.ino || level.dev !== directory.dev) continue;
    return ascend(fd, (more) => call.own(more));
  }
  return null;
}

/** A place as a descriptor that other calls take: O_PATH ones are refused by open_by_handle_at. */
function reopened(fd: number): number {
  const flags = O[ARCH].RDONLY | O[ARCH].DIRECTORY | O[ARCH].CLOEXEC;
  return attempt('openat', AT_FDCWD, pathBytes(`/proc/thread-self/fd/${fd}`), flags, 0);
}

function rawHandle(directory: Level): Uint8Array | null {
  const memory = new Uint8Array(8 + HANDLE_ROOM);
  new DataView(memory.buffer).setUint32(0, HANDLE_ROOM, true);
  const flags = directory.path[0] === 0 ? 0x1000 : 0;
  const result = attempt('name_to_handle_at', directory.fd, directory.path, memory, new Int32Array(1), flags);
  return result === 0 ? memory : null;
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
