/**
 * Reading extended attributes and file attributes by path. The pinned object is asked through its descriptor.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, must, refuse } from '../call.ts';
import { descriptorPath } from './look.ts';
import { terminatedCopy } from './names.ts';
import { lookOf, seen } from './seen.ts';

const NAME_MAX = 255;
/** The most that a value or a list can hold. */
const VALUE_MAX = 65_536;
const FLAGS = AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH;
/** `struct xattr_args`: the address of the value, its size, flags. */
const ARGS = { bytes: 16, max: 4096, size: 8, flags: 12 } as const;
/** `struct file_attr`, as it began and as large as it may grow. */
const FILE_ATTR = { min: 24, max: 4096 } as const;

interface Room {
  readonly address: number;
  readonly size: number;
}

function get(call: Call, find: () => number, name: number, { address, size }: Room): Answer {
  const text = attributeName(call, name);
  const fd = find();
  return filled(call, address, size, (bytes, length) =>
    attempt('getxattr', descriptorPath(fd), text, bytes, length),
  );
}

function list(call: Call, find: () => number, { address, size }: Room): Answer {
  const fd = find();
  return filled(call, address, size, (bytes, length) =>
    attempt('listxattr', descriptorPath(fd), bytes, length),
  );
}

/** Runs a call that fills memory, and writes what it filled; a size of 0 only asks how much there is. */
function filled(
  call: Call,
  address: number,
  size: number,
  ask: (bytes: Uint8Array | null, length: number) => number,
): Answer {
  const length = Math.min(size, VALUE_MAX);
  const bytes = length === 0 ? null : new Uint8Array(length);
  const value = must(call.target.as(() => ask(bytes, length)));
  if (bytes !== null) call.target.write(address, bytes.subarray(0, value));
  return { kind: 'value', value };
}

function attributeName(call: Call, at: number): Uint8Array {
  const bytes = call.target.readPath(call.arg(at));
  if (bytes.length === 0 || bytes.length > NAME_MAX) refuse(ERRNO.ERANGE);
  return terminatedCopy(bytes);
}

function room(call: Call, at: number): Room {
  return { address: call.arg(at), size: call.arg(at + 1) };
}

function atFlags(call: Call, at: number): number {
  const flags = call.uint(at);
  return (flags & ~FLAGS) === 0 ? flags : refuse(ERRNO.EINVAL);
}

function getAt(call: Call): Answer {
  const size = call.arg(5);
  if (size < ARGS.bytes) refuse(ERRNO.EINVAL);
  if (size > ARGS.max) refuse(ERRNO.E2BIG);
  const bytes = call.target.read(call.arg(4), size);
  if (bytes.subarray(ARGS.bytes).some((byte) => byte !== 0)) refuse(ERRNO.E2BIG);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = atFlags(call, 2);
  if (view.getUint32(ARGS.flags, true) !== 0) refuse(ERRNO.EINVAL);
  const value = { address: Number(view.getBigUint64(0, true)), size: view.getUint32(ARGS.size, true) };
  return get(call, () => seen(call, call.int(0), 1, lookOf(flags)), 3, value);
}

function listAt(call: Call): Answer {
  const flags = atFlags(call, 2);
  return list(call, () => seen(call, call.int(0), 1, lookOf(flags)), room(call, 3));
}

function fileAttributes(call: Call): Answer {
  const size = call.arg(3);
  const flags = atFlags(call, 4);
  if (size > FILE_ATTR.max) refuse(ERRNO.E2BIG);
  if (size < FILE_ATTR.min) refuse(ERRNO.EINVAL);
  const fd = seen(call, call.int(0), 1, lookOf(flags));
  const bytes = new Uint8Array(size);
  must(call.target.as(() => attempt('file_getattr', fd, new Uint8Array(1), bytes, size, AT.EMPTY_PATH)));
  call.target.write(call.arg(2), bytes);
  return { kind: 'value', value: 0 };
}

const here = (call: Call, follow: boolean) => () => seen(call, AT_FDCWD, 0, { follow });
const row = (handle: CallRow['handle']): CallRow => ({ handle, held: 'emulated', residual: '' });

/** Handlers that read attributes. */
export const ATTRIBUTE_CALLS = {
  getxattr: row((call) => get(call, here(call, true), 1, room(call, 2))),
  lgetxattr: row((call) => get(call, here(call, false), 1, room(call, 2))),
  getxattrat: row(getAt),
  listxattr: row((call) => list(call, here(call, true), room(call, 1))),
  llistxattr: row((call) => list(call, here(call, false), room(call, 1))),
  listxattrat: row(listAt),
  file_getattr: row(fileAttributes),
} as const satisfies CallTable;
