/**
 * Making names: directories, device nodes, FIFOs, sockets, empty files, symbolic links.
 *
 * The parent is pinned, the name is a copy, and the kernel makes it there with the target's umask and identity. Opening
 * with O_CREAT is `open.ts`.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { FsRight } from '../../uapi/landlock.ts';
import { AT_FDCWD, S_IF, S_IFMT } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, outcome, refuse } from '../call.ts';
import { mustBeNew, nameAt, terminatedCopy } from './names.ts';

/** The right that making a node of a type needs. A type of 0 makes a regular file. */
const MAKE: Readonly<Record<number, FsRight>> = {
  0: 'fs.make_reg',
  [S_IF.REG]: 'fs.make_reg',
  [S_IF.CHR]: 'fs.make_char',
  [S_IF.BLK]: 'fs.make_block',
  [S_IF.FIFO]: 'fs.make_fifo',
  [S_IF.SOCK]: 'fs.make_sock',
};

/**
 * Makes a name.
 *
 * @param act makes it: gets the pinned directory and the name
 */
function make(
  call: Call,
  dirfd: number,
  path: Uint8Array,
  right: FsRight,
  act: (parent: number, name: Uint8Array) => number,
  device?: number,
): Answer {
  const entry = nameAt(call, dirfd, path);
  mustBeNew(entry, right === 'fs.make_dir');
  const { errno } = call.run.authority.ask(call, {
    kind: 'make',
    entry,
    right,
    ...(device === undefined ? {} : { device }),
  });
  if (errno !== 0) return refuse(errno);
  const name = terminatedCopy(entry.name);
  return outcome(call.target.as(() => act(entry.parent.fd, name)));
}

function mkdir(call: Call, dirfd: number, at: number): Answer {
  const path = call.target.readPath(call.arg(at));
  const mode = call.uint(at + 1) & 0xffff;
  return make(call, dirfd, path, 'fs.make_dir', (parent, name) => attempt('mkdirat', parent, name, mode));
}

function mknod(call: Call, dirfd: number, at: number): Answer {
  const mode = call.uint(at + 1) & 0xffff;
  const type = mode & S_IFMT;
  if (type === S_IF.DIR) return refuse(ERRNO.EPERM);
  const right = MAKE[type] ?? refuse(ERRNO.EINVAL);
  const device = call.uint(at + 2);
  const path = call.target.readPath(call.arg(at));
  return make(
    call,
    dirfd,
    path,
    right,
    (parent, name) => attempt('mknodat', parent, name, mode, device),
    device,
  );
}

function symlink(call: Call, dirfd: number, at: number): Answer {
  const text = call.target.readPath(call.arg(0));
  if (text.length === 0) return refuse(ERRNO.ENOENT);
  const path = call.target.readPath(call.arg(at));
  const target = terminatedCopy(text);
  return make(call, dirfd, path, 'fs.make_sym', (parent, name) => attempt('symlinkat', target, parent, name));
}

const emulated = (handle: CallRow['handle'], residual = ''): CallRow => ({
  handle,
  held: 'emulated',
  residual,
});

const DEVICES = 'In a user namespace of its own the program has no more capabilities than outside of it.';

/** Handlers of the group `create`. */
export const CREATE_CALLS = {
  mkdir: emulated((call) => mkdir(call, AT_FDCWD, 0)),
  mkdirat: emulated((call) => mkdir(call, call.int(0), 1)),
  mknod: emulated((call) => mknod(call, AT_FDCWD, 0), DEVICES),
  mknodat: emulated((call) => mknod(call, call.int(0), 1), DEVICES),
  symlink: emulated((call) => symlink(call, AT_FDCWD, 1)),
  symlinkat: emulated((call) => symlink(call, call.int(1), 2)),
} as const satisfies CallTable;
