/**
 * Changing extended attributes and the flags of files.
 *
 * Owns reading the arguments in the kernel's order; the change is `metadata.ts`.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import { type Answer, type Call, type CallTable, refuse } from '../call.ts';
import { type Change, changeOpen, changePath, emulated, mustBeAtFlags } from './metadata.ts';
import { terminatedCopy } from './names.ts';

const XATTR_NAME_MAX = 255;
const XATTR_SIZE_MAX = 65_536;
const XATTR_FLAGS = 3;
const XATTR_ARGS_BYTES = 16;
const FILE_ATTR_BYTES = 24;
const PAGE = 4096;

function nameAt(call: Call, address: number): Uint8Array {
  const bytes = call.target.readSome(address, XATTR_NAME_MAX + 1);
  const end = bytes.indexOf(0);
  if (end < 0 && bytes.length <= XATTR_NAME_MAX) return refuse(ERRNO.EFAULT);
  return end <= 0 ? refuse(ERRNO.ERANGE) : terminatedCopy(bytes.subarray(0, end));
}

/** What sets an attribute: everything is copied and checked before the path is looked at. */
function setter(call: Call, name: number, value: number, size: number, flags: number): Change {
  if ((flags & ~XATTR_FLAGS) !== 0) refuse(ERRNO.EINVAL);
  const called = nameAt(call, name);
  if (size > XATTR_SIZE_MAX) refuse(ERRNO.E2BIG);
  const bytes = size === 0 ? null : call.target.read(value, size).slice();
  return (path) => attempt('setxattr', path, called, bytes, size, flags);
}

function setterOf(call: Call, at: number): Change {
  return setter(call, call.arg(at), call.arg(at + 1), call.arg(at + 2), call.uint(at + 3));
}

function remover(call: Call, name: number): Change {
  const called = nameAt(call, name);
  return (path) => attempt('removexattr', path, called);
}

/** A path that may be left out: with AT_EMPTY_PATH, none means the descriptor. */
function changeAt(call: Call, dirfd: number, address: number, flags: number, act: Change): Answer {
  const bare = (flags & AT.EMPTY_PATH) !== 0 && dirfd >= 0 && isEmpty(call, address);
  return bare ? changeOpen(call, dirfd, act) : changePath(call, dirfd, address, flags, act);
}

function isEmpty(call: Call, address: number): boolean {
  return address === 0 || call.target.readSome(address, 1)[0] === 0;
}

/**
 * Reads a structure that may be longer than what is known of it: the rest must be zero.
 *
 * @throws {Refused} EINVAL where it is too short, E2BIG
 */
function structAt(call: Call, address: number, size: number, known: number): DataView {
  if (size < known) refuse(ERRNO.EINVAL);
  if (size > PAGE) refuse(ERRNO.E2BIG);
  const bytes = call.target.read(address, size).slice();
  if (bytes.subarray(known).some((byte) => byte !== 0)) refuse(ERRNO.E2BIG);
  return new DataView(bytes.buffer, 0, known);
}

function setxattrat(call: Call): Answer {
  const args = structAt(call, call.arg(4), call.arg(5), XATTR_ARGS_BYTES);
  mustBeAtFlags(call.uint(2));
  const value = Number(args.getBigUint64(0, true));
  const act = setter(call, call.arg(3), value, args.getUint32(8, true), args.getUint32(12, true));
  return changeAt(call, call.int(0), call.arg(1), call.uint(2), act);
}

function removexattrat(call: Call): Answer {
  mustBeAtFlags(call.uint(2));
  const act = remover(call, call.arg(3));
  return changeAt(call, call.int(0), call.arg(1), call.uint(2), act);
}

function fileSetattr(call: Call): Answer {
  mustBeAtFlags(call.uint(4));
  const size = call.arg(3);
  if (size > PAGE) return refuse(ERRNO.E2BIG);
  const attributes = structAt(call, call.arg(2), size, FILE_ATTR_BYTES);
  const act: Change = (path) => attempt('file_setattr', AT_FDCWD, path, attributes, FILE_ATTR_BYTES, 0);
  return changeAt(call, call.int(0), call.arg(1), call.uint(4), act);
}

const NAMESPACE =
  'Ids inside of ACLs and capabilities are taken as outside, where the program is in a user namespace of its own.';
const path = (call: Call, flags: number, act: Change) => changePath(call, AT_FDCWD, call.arg(0), flags, act);

/** Handlers for attributes, a part of the group `metadata`. */
export const ATTRIBUTE_CALLS = {
  setxattr: emulated((call) => path(call, 0, setterOf(call, 1)), NAMESPACE),
  lsetxattr: emulated((call) => path(call, AT.SYMLINK_NOFOLLOW, setterOf(call, 1)), NAMESPACE),
  fsetxattr: emulated((call) => changeOpen(call, call.int(0), setterOf(call, 1)), NAMESPACE),
  setxattrat: emulated(setxattrat, NAMESPACE),
  removexattr: emulated((call) => path(call, 0, remover(call, call.arg(1)))),
  lremovexattr: emulated((call) => path(call, AT.SYMLINK_NOFOLLOW, remover(call, call.arg(1)))),
  fremovexattr: emulated((call) => changeOpen(call, call.int(0), remover(call, call.arg(1)))),
  removexattrat: emulated(removexattrat),
  file_setattr: emulated(fileSetattr),
} as const satisfies CallTable;
