/**
 * The calls that make, move and remove names, on the in-memory world: what the virtual file system checks before Landlock
 * is asked, Landlock's decision, what is checked after it, and the effect. Permissions of users are not modelled: the
 * callers are root. Opening is `vfs-open.ts`.
 */

import { ALLOWED } from '../decision.ts';
import * as files from '../files.ts';
import { type Refer, refer } from '../refer.ts';
import type { InodeType } from '../world.ts';
import type { MemoryPath } from './mounts.ts';
import { type At, byLandlock, type Caller, fails, OK, type Outcome } from './outcome.ts';
import { type MemoryDentry, MemoryInode } from './tree.ts';

export type { At, Caller, Outcome } from './outcome.ts';
export { execute, type MemoryFile, type OpenFlags, openFile } from './vfs-open.ts';

/** `mkdir`, `symlink`, `mknod`, and the file that `bind` of a UNIX socket makes. */
export function make(
  caller: Caller,
  at: At,
  type: InodeType,
  more: { readonly rdev?: number; readonly target?: string; readonly mknod?: boolean } = {},
): Outcome {
  const found = caller.namespace.find(at.path, false, at.base);
  if (found.directory === undefined) return { errno: found.errno, decision: ALLOWED };
  const { directory, name } = found;
  if (found.dead) return fails('ENOENT');
  if (name.inode !== null) return fails('EEXIST');
  const rdev = more.rdev ?? 0;
  const decision = more.mknod
    ? files.mknod(caller.behaviour, caller.credential, directory, type, rdev)
    : files.make(caller.behaviour, caller.credential, directory, type);
  const superblock = directory.dentry.inode!.superblock;
  const refusal = byLandlock(decision);
  if (refusal !== null) return refusal;
  if (superblock.kind === 'overlay' && type === 'char' && rdev === 0) return fails('EPERM');
  directory.dentry.add(name.name, new MemoryInode(type, superblock, more));
  return OK;
}

/** `rmdir` and `unlink`. */
export function remove(caller: Caller, at: At, call: 'rmdir' | 'unlink'): Outcome {
  const found = caller.namespace.find(at.path, false, at.base);
  if (found.directory === undefined) return { errno: found.errno, decision: ALLOWED };
  const { directory, name } = found;
  if (name.inode === null) return fails('ENOENT');
  const refusal = byLandlock(files.remove(caller.behaviour, caller.credential, directory, call));
  if (refusal !== null) return refusal;
  const isDirectory = name.inode.type === 'dir';
  if (call === 'rmdir' && !isDirectory) return fails('ENOTDIR');
  if (call === 'unlink' && isDirectory) return fails('EISDIR');
  if (name.mounted > 0) return fails('EBUSY');
  if (name.children.size > 0) return fails('ENOTEMPTY');
  drop(name);
  return OK;
}

function drop(name: MemoryDentry): void {
  name.detach();
  name.dead = true;
  if (name.inode !== null) name.inode.links--;
}

/** `renameat2`. */
export function rename(
  caller: Caller,
  from: At,
  to: At,
  flags: { readonly exchange?: boolean; readonly noReplace?: boolean; readonly whiteout?: boolean } = {},
): Outcome {
  const { namespace, behaviour, credential } = caller;
  const source = namespace.find(from.path, false, from.base);
  if (source.directory === undefined) return { errno: source.errno, decision: ALLOWED };
  const target = namespace.find(to.path, false, to.base);
  if (target.directory === undefined) return { errno: target.errno, decision: ALLOWED };
  if (source.directory.mount !== target.directory.mount) return fails('EXDEV');
  const moved = source.name;
  const replaced = target.name;
  const directory = target.directory.dentry;
  if (moved.inode === null || source.dead || target.dead) return fails('ENOENT');
  if (flags.noReplace && replaced.inode !== null) return fails('EEXIST');
  if (flags.exchange && replaced.inode === null) return fails('ENOENT');
  if (directory.isWithin(moved)) return fails('EINVAL');
  if (replaced.inode !== null && source.directory.dentry.isWithin(replaced)) {
    return fails(flags.exchange ? 'EINVAL' : 'ENOTEMPTY');
  }
  const operation: Refer['operation'] = flags.exchange ? 'exchange' : flags.whiteout ? 'whiteout' : 'rename';
  const { mount } = source.directory;
  const refusal = byLandlock(
    refer(behaviour, credential, { operation, mount, source: moved, directory, target: replaced }),
  );
  if (refusal !== null) return refusal;

  if (moved.inode === replaced.inode) return OK;
  const isDirectory = moved.inode.type === 'dir';
  if (replaced.inode !== null && !flags.exchange) {
    if (isDirectory && replaced.inode.type !== 'dir') return fails('ENOTDIR');
    if (!isDirectory && replaced.inode.type === 'dir') return fails('EISDIR');
  }
  if (moved.mounted > 0 || replaced.mounted > 0) return fails('EBUSY');
  if (moved.inode.superblock.kind === 'overlay') {
    if (flags.whiteout) return fails('EINVAL');
    if (moved.inode.type === 'dir' && moved.inode.lower) return fails('EXDEV');
    if (flags.exchange && replaced.inode?.type === 'dir' && replaced.inode.lower) return fails('EXDEV');
  }
  if (flags.exchange) {
    exchange(moved, replaced);
    return OK;
  }
  if (replaced.children.size > 0) return fails('ENOTEMPTY');
  if (replaced.inode !== null) drop(replaced);
  const [oldDirectory, oldName] = [moved.parent!, moved.name];
  moved.moveTo(directory, replaced.name);
  if (flags.whiteout) oldDirectory.add(oldName, new MemoryInode('char', moved.inode.superblock));
  return OK;
}

function exchange(one: MemoryDentry, other: MemoryDentry): void {
  const [directory, name] = [one.parent!, one.name];
  const [otherDirectory, otherName] = [other.parent!, other.name];
  one.detach();
  other.detach();
  one.moveTo(otherDirectory, otherName);
  other.moveTo(directory, name);
}

/**
 * `linkat`.
 *
 * @param from a path, or an open file (AT_EMPTY_PATH).
 */
export function link(
  caller: Caller,
  from: (At & { readonly follow: boolean }) | MemoryPath,
  to: At,
): Outcome {
  const { namespace, behaviour, credential } = caller;
  let source: MemoryPath;
  if ('dentry' in from) {
    source = from;
  } else {
    const found = namespace.find(from.path, from.follow, from.base);
    if (found.directory === undefined) return { errno: found.errno, decision: ALLOWED };
    if (found.object.dentry.inode === null) return fails('ENOENT');
    source = found.object;
  }
  const target = namespace.find(to.path, false, to.base);
  if (target.directory === undefined) return { errno: target.errno, decision: ALLOWED };
  if (target.dead) return fails('ENOENT');
  if (target.name.inode !== null) return fails('EEXIST');
  if (source.mount !== target.directory.mount) return fails('EXDEV');
  const directory = target.directory.dentry;
  const refusal = byLandlock(
    refer(behaviour, credential, {
      operation: 'link',
      mount: source.mount,
      source: source.dentry,
      directory,
      target: target.name,
    }),
  );
  if (refusal !== null) return refusal;
  const inode = source.dentry.inode!;
  if (inode.superblock !== directory.inode!.superblock) return fails('EXDEV');
  if (inode.type === 'dir') return fails('EPERM');
  if (inode.links === 0 && !inode.unnamed) return fails('ENOENT');
  directory.add(target.name.name, inode);
  inode.links++;
  return OK;
}

/** `truncate` by path, to length 0. */
export function truncate(caller: Caller, at: At): Outcome {
  const found = caller.namespace.find(at.path, true, at.base);
  if (found.directory === undefined) return { errno: found.errno, decision: ALLOWED };
  const inode = found.object.dentry.inode;
  if (inode === null) return fails('ENOENT');
  if (inode.type === 'dir') return fails('EISDIR');
  if (inode.type !== 'reg') return fails('EINVAL');
  const refusal = byLandlock(files.truncate(caller.behaviour, caller.credential, found.object));
  if (refusal !== null) return refusal;
  inode.script = null;
  return OK;
}
