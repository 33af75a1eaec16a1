/**
 * Mounts as a target's mountinfo tells of them, and what is remembered of where they are: a mount whose place was moved out of
 * its parent mount is not listed any more, but it can still be used, and the kernel's walk goes on above it.
 *
 * Owns reading and remembering. Mounts are looked at when a program calls Landlock; one that was cut off before the first
 * call is not known, and nothing above it grants anything.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { AT, O, RESOLVE } from '../../uapi/open.ts';
import type { Call } from '../call.ts';
import { openPlace } from '../files/look.ts';
import { readProc } from '../target/proc.ts';

const MOUNTINFO_ROOM = 1 << 20;
const HANDLE_ROOM = 128;
/** A number of the mount that is never given again; since Linux 6.8. */
const STATX_MNT_ID_UNIQUE = 0x4000;
const MOST = 4096;

/** A line of mountinfo. Paths are bytes in latin1. */
export interface MountLine {
  readonly id: bigint;
  readonly parent: bigint;
  readonly dev: string;
  /** The directory of the file system that is the mount's root. */
  readonly root: string;
  /** Where it is mounted, in the target's root. */
  readonly at: string;
}

/** Where a mount was seen. */
export interface Seen {
  /** The mount that it is on, by the number that is never given again and by the one of mountinfo. */
  readonly on: bigint;
  readonly onId: bigint;
  /** The file handle of the directory that holds its mount point, and the file system of that. */
  readonly directory: Uint8Array;
  readonly dev: string;
}

/** The mounts of a thread's namespace. */
export function mountsOf(tid: number): readonly MountLine[] {
  return parse(readMounts(tid));
}

function readMounts(tid: number): string {
  const bytes = readProc(`/proc/${tid}/mountinfo`, MOUNTINFO_ROOM);
  return bytes === null ? '' : Buffer.from(bytes).toString('latin1');
}

function parse(text: string): readonly MountLine[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => {
    const [id = '0', parent = '0', dev = '', root = '', at = ''] = line.split(' ');
    return { id: BigInt(id), parent: BigInt(parent), dev, root: unescaped(root), at: unescaped(at) };
  });
}

function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Opens a directory of the target's root, without links; `null` where that fails. The caller closes it. */
export function openIn(call: Call, path: string): number | null {
  const bytes = Uint8Array.from(Buffer.from(path, 'latin1'));
  const fd = openPlace(call.target.root(), bytes, O[ARCH].DIRECTORY, RESOLVE.IN_ROOT | RESOLVE.NO_SYMLINKS);
  return fd < 0 ? null : fd;
}

const stat = new DataView(new ArrayBuffer(256));

/** The number of the mount that an object is on which is never given again; `null` on older kernels. */
export function uniqueMount(fd: number, path: Uint8Array = Uint8Array.of(0)): bigint | null {
  const flags = path[0] === 0 ? AT.EMPTY_PATH : 0;
  const result = attempt('statx', fd, path, flags, STATX_MNT_ID_UNIQUE, stat);
  return result < 0 || (stat.getUint32(0, true) & STATX_MNT_ID_UNIQUE) === 0
    ? null
    : stat.getBigUint64(144, true);
}

/** A file handle as the kernel takes it again, or `null` on file systems without. */
export function rawHandle(fd: number, path: Uint8Array): Uint8Array | null {
  const memory = new Uint8Array(8 + HANDLE_ROOM);
  new DataView(memory.buffer).setUint32(0, HANDLE_ROOM, true);
  const flags = path[0] === 0 ? AT.EMPTY_PATH : 0;
  const result = attempt('name_to_handle_at', fd, path, memory, new Int32Array(1), flags);
  return result === 0 ? memory : null;
}

export class Mounts {
  readonly #seen = new Map<bigint, Seen>();
  #text = '';

  /** Looks at the mounts of the calling thread's namespace, if they have changed. */
  learn(call: Call): void {
    const text = readMounts(call.target.tid);
    if (text === this.#text) return;
    this.#text = text;
    const lines = parse(text);
    const byId = new Map(lines.map((line) => [line.id, line]));
    for (const line of lines) {
      const on = byId.get(line.parent);
      if (on !== undefined && line.at !== '/') this.#see(call, line, on);
    }
  }

  #see(call: Call, line: MountLine, on: MountLine): void {
    const root = openIn(call, line.at);
    const cut = line.at.lastIndexOf('/');
    const directory = openIn(call, cut === 0 ? '/' : line.at.slice(0, cut));
    if (root !== null && directory !== null) {
      const [mount, parent] = [uniqueMount(root), uniqueMount(directory)];
      const handle = rawHandle(directory, Uint8Array.of(0));
      if (mount !== null && parent !== null && mount !== parent && handle !== null) {
        if (this.#seen.size >= MOST) this.#seen.clear();
        this.#seen.set(mount, { on: parent, onId: on.id, directory: handle, dev: on.dev });
      }
    }
    for (const fd of [root, directory]) if (fd !== null) attempt('close', fd);
  }

  /** Where a mount was seen, by the number that is never given again. */
  seen(mount: bigint | null): Seen | undefined {
    return mount === null ? undefined : this.#seen.get(mount);
  }
}
