/**
 * The calls that change or open files, on the in-memory world: what the virtual file system checks before Landlock is
 * asked, Landlock's decision, what is checked after it, and the effect. Permissions of users are not modelled: the
 * callers are root.
 */

import { ERRNO } from '../../../uapi/errno.ts';
import type { Behaviour } from '../behaviour.ts';
import { ALLOWED, type Decision } from '../decision.ts';
import type { Credential } from '../domain.ts';
import * as files from '../files.ts';
import { fileTruncate, open } from '../open.ts';
import { type Refer, refer } from '../refer.ts';
import type { FileRights, InodeType } from '../world.ts';
import type { MemoryPath, MountNamespace } from './mounts.ts';
import { MemoryDentry, MemoryInode } from './tree.ts';

/** Who calls, on which system. */
export interface Caller {
  readonly behaviour: Behaviour;
  readonly credential: Credential;
  readonly namespace: MountNamespace;
}

/** A path as given: absolute, or relative to a directory that is open. */
export interface At {
  readonly base?: MemoryPath | undefined;
  readonly path: string;
}

/** How a call ended: 0 or an errno, and Landlock's decision where it was asked. */
export interface Outcome {
  readonly errno: number;
  readonly decision: Decision;
}

/** An open file in memory. */
export interface MemoryFile {
  readonly path: MemoryPath;
  readonly rights: FileRights;
  readonly write: boolean;
  /** Opened with O_PATH: a place, not an open file. */
  readonly place: boolean;
}

export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  readonly create?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  readonly directory?: boolean;
  readonly nofollow?: boolean;
  readonly place?: boolean;
  readonly unnamed?: boolean;
}

type Errname = keyof typeof ERRNO;

function fails(name: Errname, decision: Decision = ALLOWED): Outcome {
  return { errno: ERRNO[name], decision };
}

const OK: Outcome = { errno: 0, decision: ALLOWED };

function byLandlock(decision: Decision): Outcome | null {
  return decision.allowed ? null : { errno: decision.errno, decision };
}

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

/** `open`; on success with the open file. */
export function openFile(caller: Caller, at: At, flags: OpenFlags): Outcome & { readonly file?: MemoryFile } {
  const { namespace, behaviour, credential } = caller;
  const exclusive = flags.create === true && flags.exclusive === true;
  const found = namespace.find(at.path, !(flags.nofollow || exclusive), at.base);
  if (found.directory === undefined) return { errno: found.errno, decision: ALLOWED };
  let object = found.object;
  let created = false;
  if (flags.place) {
    if (object.dentry.inode === null) return fails('ENOENT');
    if (flags.directory && object.dentry.inode.type !== 'dir') return fails('ENOTDIR');
    return { ...OK, file: { path: object, rights: NO_RIGHTS, write: false, place: true } };
  }
  if (flags.unnamed) return openUnnamed(caller, object, flags);
  if (object.dentry.inode === null) {
    if (!flags.create || found.dead) return fails('ENOENT');
    const refusal = byLandlock(files.make(behaviour, credential, found.directory, 'reg'));
    if (refusal !== null) return refusal;
    const directory = found.directory.dentry;
    const dentry = directory.add(found.name.name, new MemoryInode('reg', directory.inode!.superblock));
    object = { mount: found.directory.mount, dentry };
    created = true;
  } else if (exclusive) {
    return fails('EEXIST');
  }
  const inode = object.dentry.inode!;
  if (flags.create && inode.type === 'dir') return fails('EISDIR');
  if (flags.directory && inode.type !== 'dir') return fails('ENOTDIR');
  if (inode.type === 'lnk') return fails('ELOOP');
  const writes = flags.write || (!flags.read && !flags.write) || (flags.truncate === true && !created);
  if (inode.type === 'dir' && writes) return fails('EISDIR');
  const opened = open(behaviour, credential, object, flags);
  if (!opened.allowed) return { errno: opened.errno, decision: opened };
  const file: MemoryFile = { path: object, rights: opened.rights, write: flags.write, place: false };
  if (flags.truncate && !created && inode.type === 'reg') {
    const refusal = byLandlock(fileTruncate(behaviour, file));
    if (refusal !== null) return refusal;
    inode.script = null;
  }
  return { ...OK, file };
}

const NO_RIGHTS: FileRights = { allowed: 0, domain: null, denyLayers: 0, quiet: 0, sameExec: 0 };

function openUnnamed(
  caller: Caller,
  directory: MemoryPath,
  flags: OpenFlags,
): Outcome & { readonly file?: MemoryFile } {
  if (!flags.write) return fails('EINVAL');
  const inode = directory.dentry.inode;
  if (inode === null) return fails('ENOENT');
  if (inode.type !== 'dir') return fails('ENOTDIR');
  const dentry = new MemoryDentry(
    '',
    directory.dentry,
    new MemoryInode('reg', inode.superblock, { unnamed: true }),
  );
  const path = { mount: directory.mount, dentry };
  const opened = open(caller.behaviour, caller.credential, path, flags);
  if (!opened.allowed) return { errno: opened.errno, decision: opened };
  return { ...OK, file: { path, rights: opened.rights, write: true, place: false } };
}

/** `execve`: the file, and the interpreters that scripts name. What happens after all were opened is not modelled. */
export function execute(caller: Caller, at: At): Outcome {
  const { namespace, behaviour, credential } = caller;
  let next = at;
  for (let depth = 0; depth < 6; depth++) {
    const found = namespace.find(next.path, true, next.base);
    if (found.directory === undefined) return { errno: found.errno, decision: ALLOWED };
    const inode = found.object.dentry.inode;
    if (inode === null) return fails('ENOENT');
    if (inode.type !== 'reg') return fails('EACCES');
    const opened = open(behaviour, credential, found.object, { read: true, write: false, execute: true });
    if (!opened.allowed) return { errno: opened.errno, decision: opened };
    if (inode.script === null) return fails('ENOEXEC');
    next = { path: inode.script };
  }
  return fails('ELOOP');
}
