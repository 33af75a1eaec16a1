/**
 * Opening and executing files on the in-memory world: the checks before and after Landlock's decision, creation, and what
 * the open file keeps.
 */

import { ALLOWED } from '../decision.ts';
import * as files from '../files.ts';
import { fileTruncate, open } from '../open.ts';
import type { FileRights } from '../world.ts';
import type { MemoryPath } from './mounts.ts';
import { type At, byLandlock, type Caller, fails, OK, type Outcome } from './outcome.ts';
import { MemoryDentry, MemoryInode } from './tree.ts';

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
