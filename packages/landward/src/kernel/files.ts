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

const STATX_BYTES = 256;
const STATX_TYPE_MODE_NLINK_INO = 0x1 | 0x2 | 0x4 | 0x100;
/** Bounds the descriptors that are open at a time, and the memory of an image. */
const BATCH = 256;

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
  readonly fd: Slot;
  readonly stat: Slot;
  readonly buffer: Place;
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
  return batches(paths).flatMap((batch) => {
    const { image, rows } = openAll(batch, options.symlinks ?? true, true);
    return rows.map((row): Looked => {
      const errno = errnoOf(image, row);
      return errno === 0 ? { fact: factOf(image, row) } : { errno };
    });
  });
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
  for (const batch of batches(paths)) {
    const { image, rows } = openAll(batch, options.symlinks ?? true, false);
    for (const row of rows) {
      const errno = errnoOf(image, row);
      const number = readSlot(image, row.fd);
      if (errno === 0) opened.push({ fact: factOf(image, row), fd: new Fd(number) });
      else opened.push({ errno });
      if (errno !== 0 && number >= 0) attempt('close', number);
    }
    const errno = opened
      .map(errnoOfOpened)
      .find((number) => number === ERRNO.EMFILE || number === ERRNO.ENFILE);
    if (errno === undefined) continue;
    for (const { fd } of opened) fd?.close();
    throw refusal('open the paths of the policy', 'openat2', errno);
  }
  return opened;
}

function errnoOfOpened(opened: Opened): number {
  return opened.fact === undefined ? opened.errno : 0;
}

/** Opens, looks and, if wanted, closes; every step may fail by itself. */
function openAll(
  paths: readonly string[],
  symlinks: boolean,
  close: boolean,
): { readonly image: Image; readonly rows: readonly Row[] } {
  const build = new ImageBuilder(ARCH);
  const how = build.bytes(
    OPEN_HOW.encode({
      flags: O[ARCH].PATH | O[ARCH].CLOEXEC,
      resolve: symlinks ? RESOLVE.NO_MAGICLINKS : RESOLVE.NO_SYMLINKS,
    }),
  );
  const empty = build.string('');
  const rows = paths.map((path): Row => {
    const name = build.string(path);
    const row = { fd: build.slot(-1), stat: build.slot(-1), buffer: build.reserve(STATX_BYTES) };
    build.step('openat2', [AT_FDCWD, name, how, OPEN_HOW.size], `open ${path}`, {
      store: row.fd,
      okErrno: 'any',
    });
    build.step(
      'statx',
      [row.fd, empty, AT.EMPTY_PATH, STATX_TYPE_MODE_NLINK_INO, row.buffer],
      `look at ${path}`,
      { store: row.stat, okErrno: 'any' },
    );
    if (close) build.step('close', [row.fd], `close ${path}`, { okErrno: 'any' });
    return row;
  });
  const image = build.build();
  applyImage(image);
  return { image, rows };
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

function batches(paths: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(paths.length / BATCH);
  return Array.from({ length: count }, (_, index) => paths.slice(index * BATCH, (index + 1) * BATCH));
}
