/**
 * What an open call asks for: flags, mode and how the path is resolved, from any call of the family.
 *
 * Owns the reading of arguments and the errors that come before the path is looked at. The kernel itself says which
 * combinations of flags it takes.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { FsRight } from '../../uapi/landlock.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';
import { OPEN_HOW } from '../../uapi/structs.ts';
import { type Call, refuse } from '../call.ts';
import type { Place } from '../place.ts';

const FLAGS = O[ARCH];
/** The bit of O_TMPFILE that is not O_DIRECTORY. */
const TMPFILE = FLAGS.TMPFILE & ~FLAGS.DIRECTORY;
/** Flags that O_PATH leaves. */
const WITH_PATH = FLAGS.DIRECTORY | FLAGS.NOFOLLOW | FLAGS.PATH | FLAGS.CLOEXEC;
/** The largest `open_how` that the kernel looks at: a page. */
const HOW_MAX = 4096;

/** An open call's wishes. */
export interface How {
  readonly flags: number;
  readonly mode: number;
  readonly resolve: number;
}

/** Every flag that `open` knows; it ignores the others. */
const KNOWN = Object.values(FLAGS).reduce<number>((mask, flag) => mask | flag, 0);

/** The wishes of `open`, `openat` and `creat`: what does not fit is ignored. */
export function legacyHow(flags: number, mode: number): How {
  const known = flags & FLAGS.PATH ? flags & WITH_PATH : flags & KNOWN;
  const how = { flags: known, mode: makes(known) ? mode & 0o7777 : 0, resolve: 0 };
  // Only these are refused without a look at the path.
  if (known & TMPFILE || (known & FLAGS.CREAT && known & FLAGS.DIRECTORY)) mustBeKnown(OPEN_HOW.encode(how));
  return how;
}

/** The wishes of `openat2`, copied once. @throws {Refused} EINVAL, E2BIG, EFAULT */
export function extensibleHow(call: Call, address: number, size: number): How {
  if (size < OPEN_HOW.size) refuse(ERRNO.EINVAL);
  if (size > HOW_MAX) refuse(ERRNO.E2BIG);
  const bytes = call.target.read(address, size);
  mustBeKnown(bytes);
  const { flags, mode, resolve } = OPEN_HOW.decode(bytes);
  // What the kernel takes fits.
  return { flags: Number(flags), mode: Number(mode), resolve: Number(resolve) };
}

/** Asks the kernel about the wishes alone, by a path that is refused after them. */
function mustBeKnown(how: Uint8Array): void {
  const result = attempt('openat2', AT_FDCWD, new Uint8Array(1), how, how.length);
  if (result >= 0) attempt('close', result);
  if (result !== -ERRNO.ENOENT) refuse(result < 0 ? -result : ERRNO.EINVAL);
}

function makes(flags: number): boolean {
  return (flags & (FLAGS.CREAT | TMPFILE)) !== 0;
}

/** Whether an unnamed file is asked for. */
export function isUnnamed({ flags }: How): boolean {
  return (flags & TMPFILE) !== 0;
}

/** The rights that an open file of an object needs, and those that are looked up for its later use. */
export function rightsOf(
  type: Place['type'],
  flags: number,
): { readonly rights: readonly FsRight[]; readonly optional: readonly FsRight[] } {
  const access = flags & FLAGS.ACCMODE;
  if (type === 'dir') return { rights: access === FLAGS.RDONLY ? ['fs.read_dir'] : [], optional: [] };
  const rights: FsRight[] = [];
  if (access === FLAGS.RDONLY || access === FLAGS.RDWR) rights.push('fs.read_file');
  if (access === FLAGS.WRONLY || access === FLAGS.RDWR) rights.push('fs.write_file');
  const truncates = (flags & FLAGS.TRUNC) !== 0 && type === 'reg';
  if (truncates) rights.push('fs.truncate');
  const optional: FsRight[] = truncates ? [] : ['fs.truncate'];
  if (type === 'char' || type === 'block') optional.push('fs.ioctl_dev');
  return { rights, optional };
}

/** What `access` has to ask for the same permission bits: R_OK 4, W_OK 2. */
export function accessMode(flags: number): number {
  const access = flags & FLAGS.ACCMODE;
  const read = access !== FLAGS.WRONLY ? 4 : 0;
  const write = access !== FLAGS.RDONLY || flags & FLAGS.TRUNC ? 2 : 0;
  return read | write;
}
