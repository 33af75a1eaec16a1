/**
 * Many paths at once: opened, or looked at, in one entry into the native routine. Knows no policy; a path that
 * can't be opened is a result, not an error, because only the caller knows whether it may be missing.
 */

import { ERRNO } from '../uapi/errno.ts';
import { AT, AT_FDCWD, O, RESOLVE } from '../uapi/open.ts';
import { OPEN_HOW } from '../uapi/structs.ts';
import { ARCH, applyImage, attempt, refusal } from './call.ts';
import { Fd } from './fd.ts';
import { type Image, ImageBuilder, type Place, readBytes, readSlot, type Slot } from './image.ts';
import { IMAGE } from './native.ts';

const STATX_BYTES = 256;
const STATX_TYPE_MODE_NLINK_INO = 0x1 | 0x2 | 0x4 | 0x100;
/** Paths in an image: a longer one costs more to lay out than it saves in entries into the routine. */
const BATCH = 32;
const STEPS_OF_PATH = { closed: 3, open: 2 } as const;
/** Room for a path in an image, bytes; more is made where a path is longer. */
const PATH_ROOM = 256;
const encoder = new TextEncoder();

/** What `statx` tells of an object. */
export interface FileFact {
  /** `st_mode`: the type and the permissions. */
  readonly mode: number;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly nlink: number;
}

/** How opening one path ended. */
export type Looked =
  | { readonly fact: FileFact }
  /** `ELOOP` where symbolic links were refused and one was met. */
  | { readonly errno: number; readonly fact?: undefined };

/** An object that was opened with O_PATH, owned by the caller, and what it is. */
export type Opened =
  | { readonly fact: FileFact; readonly fd: Fd }
  | { readonly errno: number; readonly fact?: undefined; readonly fd?: undefined };

interface Row {
  readonly path: Place;
  readonly fd: Slot;
  readonly stat: Slot;
  readonly buffer: Place;
}

/** An image that opens and looks at up to `rows.length` paths, each of which has `room` bytes. */
interface Template {
  readonly image: Image;
  readonly rows: readonly Row[];
  readonly room: number;
}

/**
 * Looks at objects without opening them for anything.
 *
 * @param options `symlinks: false` answers ELOOP where any component is a symbolic link; otherwise they are followed
 */
export function lookAt(
  paths: readonly string[],
  options: { readonly symlinks?: boolean } = {},
): readonly Looked[] {
  const looked: Looked[] = [];
  openAll(paths, options.symlinks ?? true, true, (image, row) => {
    const errno = errnoOf(image, row);
    looked.push(errno === 0 ? { fact: factOf(image, row) } : { errno });
  });
  return looked;
}

/**
 * Opens objects with O_PATH, which needs no permission on them and has no effect on them.
 *
 * All descriptors that are returned are the caller's; when this throws, none is left open.
 *
 * @throws {KernelError} EMFILE or ENFILE when there are too many
 */
export function openPaths(
  paths: readonly string[],
  options: { readonly symlinks?: boolean } = {},
): readonly Opened[] {
  const opened: Opened[] = [];
  let full = 0;
  openAll(paths, options.symlinks ?? true, false, (image, row) => {
    const errno = errnoOf(image, row);
    const number = readSlot(image, row.fd);
    if (errno === 0) opened.push({ fact: factOf(image, row), fd: new Fd(number) });
    else opened.push({ errno });
    if (errno !== 0 && number >= 0) attempt('close', number);
    if (errno === ERRNO.EMFILE || errno === ERRNO.ENFILE) full = errno;
  });
  if (full === 0) return opened;
  for (const { fd } of opened) fd?.close();
  throw refusal('open the paths of the policy', 'openat2', full);
}

/** Opens, looks and, if wanted, closes; every step may fail by itself. Tells of each path in order. */
function openAll(
  paths: readonly string[],
  symlinks: boolean,
  close: boolean,
  tell: (image: Image, row: Row) => void,
): void {
  const encoded = paths.map(encodePath);
  let template: Template | undefined;
  for (let next = 0; next < paths.length; ) {
    const batch = encoded.slice(next, next + BATCH);
    const room = Math.max(...batch.map((path) => path.length));
    if (template === undefined || template.room < room)
      template = makeTemplate(batch.length, Math.max(room, PATH_ROOM), symlinks, close);
    const { image, rows } = template;
    const steps = batch.length * (close ? STEPS_OF_PATH.closed : STEPS_OF_PATH.open);
    new DataView(image.bytes.buffer).setUint32(IMAGE.header.stepCount, steps, true);
    batch.forEach((path, index) => {
      image.bytes.set(path, image.data + rows[index]!.path.at);
    });
    applyImage(image);
    batch.forEach((_, index) => {
      tell(image, rows[index]!);
    });
    next += batch.length;
  }
}

function encodePath(path: string): Uint8Array {
  if (path.includes('\0'))
    throw new TypeError(`A NUL cannot be passed to the kernel: ${JSON.stringify(path)}`);
  return encoder.encode(`${path}\0`);
}

function makeTemplate(count: number, room: number, symlinks: boolean, close: boolean): Template {
  const build = new ImageBuilder(ARCH);
  const how = build.bytes(
    OPEN_HOW.encode({
      flags: O[ARCH].PATH | O[ARCH].CLOEXEC,
      resolve: symlinks ? RESOLVE.NO_MAGICLINKS : RESOLVE.NO_SYMLINKS,
    }),
  );
  const empty = build.string('');
  const rows = Array.from({ length: count }, (): Row => {
    const [fd, stat] = [build.slot(), build.slot()];
    const [path, buffer] = [build.reserve(room), build.reserve(STATX_BYTES)];
    build.step('openat2', [AT_FDCWD, path, how, OPEN_HOW.size], 'open', { store: fd, okErrno: 'any' });
    const look = [fd, empty, AT.EMPTY_PATH, STATX_TYPE_MODE_NLINK_INO, buffer];
    build.step('statx', look, 'look at', { store: stat, okErrno: 'any' });
    if (close) build.step('close', [fd], 'close', { okErrno: 'any' });
    return { path, fd, stat, buffer };
  });
  return { image: build.build(), rows, room };
}

function errnoOf(image: Image, row: Row): number {
  const fd = readSlot(image, row.fd);
  if (fd < 0) return -fd;
  return -readSlot(image, row.stat);
}

function factOf(image: Image, row: Row): FileFact {
  const view = readBytes(image, row.buffer, STATX_BYTES);
  return {
    nlink: view.getUint32(16, true),
    mode: view.getUint16(28, true),
    ino: view.getBigUint64(32, true),
    dev: deviceNumber(view.getUint32(136, true), view.getUint32(140, true)),
  };
}

/** The number of a device as `stat` has it, from the two parts that `statx` gives. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}
