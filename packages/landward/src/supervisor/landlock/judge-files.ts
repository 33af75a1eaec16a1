/**
 * Questions about files, UNIX sockets and mounts as the model takes them, with paths built from the live system.
 *
 * Owns the translation. Every verdict and errno is the model's.
 */

import {
  ALL_RIGHTS,
  ALLOWED,
  accessPath,
  type Behaviour,
  type Credential,
  changeTopology,
  type Decision,
  type FileRights,
  fileIoctl,
  fileTruncate,
  make,
  mknod,
  type OpenMode,
  open,
  type Path,
  pathAllows,
  reachSocket,
  refer,
  remove,
  resolveUnix,
  type Subject,
  type UnixSocket,
} from '../../model/landlock/index.ts';
import type { Side } from '../../model/sockets/index.ts';
import { FS_RIGHTS, type FsRight } from '../../uapi/landlock.ts';
import { ACCESS_OPTIONAL, fsMask } from '../../uapi/masks.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import type { Judgement, Question } from '../authority.ts';
import { type Call, Refused } from '../call.ts';
import { resolve } from '../files/resolve.ts';
import type { Place } from '../place.ts';
import type { LandlockRun } from './landlock-run.ts';
import type { World } from './world.ts';

/** The model's answer, and what the handler gets where it is yes. */
export interface Judged {
  readonly decision: Decision;
  readonly judgement: Judgement;
  /** Of a refused socket operation: whose credential said no. */
  readonly side?: Side;
}

const YES: Judgement = { errno: 0 };

/** An answer without more to it. */
export const simple = (decision: Decision): Judged => ({ decision, judgement: YES });

/** What a question about files is asked with. */
export interface Files {
  readonly landlock: LandlockRun;
  readonly behaviour: Behaviour;
  readonly caller: Credential;
  readonly world: World;
}

/** Asks the model about files, UNIX sockets and mounts. */
export function judgeFiles(
  call: Call,
  { landlock, behaviour, caller, world }: Files,
  question: Exclude<Question, { kind: 'find' | 'net' | 'socket' | 'signal' | 'ptrace' }>,
): Judged {
  switch (question.kind) {
    case 'access':
      return simple(accessPath(behaviour, caller, world.path(question.at), maskOf(question.rights)));
    case 'open':
      return judgeOpen(behaviour, caller, world.path(question.at), question.rights);
    case 'opened': {
      // A path is what the policy keeps, where it is the policy alone that asks again.
      const kept = typeof question.file === 'string' ? undefined : question.file;
      const rights = (kept as FileRights | undefined) ?? ALL_RIGHTS;
      const file = { path: world.path(question.at), rights };
      return simple(
        question.right === 'fs.truncate'
          ? fileTruncate(behaviour, file)
          : fileIoctl(behaviour, file, question.ioctl ?? 0),
      );
    }
    case 'make': {
      const { directory, name } = world.entry(question.entry);
      const { right, device } = question;
      const made =
        right === 'fs.make_char' && device !== undefined
          ? mknod(behaviour, caller, directory, 'char', device)
          : accessPath(behaviour, caller, directory, maskOf([right]));
      if (!made.allowed || question.open === undefined) return simple(made);
      // What is made has no rule of its own: its name decides.
      const inode = { type: 'reg', superblock: { noUser: false }, private: false } as const;
      const path = { mount: directory.mount, dentry: { ...name, inode } };
      return judgeOpen(behaviour, caller, path, question.open);
    }
    case 'remove': {
      const { directory } = world.entry(question.entry);
      return simple(
        remove(behaviour, caller, directory, question.right === 'fs.remove_dir' ? 'rmdir' : 'unlink'),
      );
    }
    case 'refer': {
      const from = world.entry(question.from);
      const to = world.entry(question.to);
      const operation = question.whiteout === true ? 'whiteout' : question.operation;
      const ends = { source: from.name, directory: to.directory.dentry, target: to.name };
      return simple(refer(behaviour, caller, { operation, mount: to.directory.mount, ...ends }));
    }
    // Landlock knows none of these.
    case 'socket-create':
    case 'call':
    case 'walk':
    case 'pick':
      return simple(ALLOWED);
    case 'unix':
      return simple(judgeUnix({ landlock, behaviour, caller, world }, question));
    case 'topology': {
      // What is allowed goes on in the kernel: nothing may be held open then, so the path is looked at for the log only.
      const nowhere: Subject = { kind: 'mount', mount: NO_MOUNT, root: NOWHERE };
      const decision = changeTopology(behaviour, caller, nowhere);
      if (decision.allowed) return simple(decision);
      return simple(changeTopology(behaviour, caller, mountSubject(call, world, question.at)));
    }
  }
}

const NOWHERE = { inode: null, parent: null };
const NO_MOUNT = { root: NOWHERE, parent: null, mountpoint: null, internal: false };

/** What a change of the mount tree is about, as the log tells it: the calls are decided without looking at their paths. */
function mountSubject(call: Call, world: World, at: Place | undefined): Subject {
  const place = at ?? mountPlace(call);
  const path = place === null ? null : world.path(place);
  if (path !== null && call.name === 'mount') return { kind: 'path', path };
  return { kind: 'mount', mount: path?.mount ?? NO_MOUNT, root: path?.dentry ?? NOWHERE };
}

function mountPlace(call: Call): Place | null {
  const argument = call.name === 'mount' ? 1 : call.name === 'umount2' ? 0 : -1;
  if (argument < 0) return null;
  try {
    return resolve(call, AT_FDCWD, call.target.readPath(call.arg(argument)));
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

function judgeUnix(
  { landlock, behaviour, caller, world }: Files,
  question: Extract<Question, { kind: 'unix' }>,
): Decision {
  const { at, operation, peer } = question;
  landlock.met(question, caller);
  if (operation === 'bind')
    // The file of a path socket is asked about with `make`.
    return 'place' in at ? make(behaviour, caller, world.path(at.place), 'sock') : ALLOWED;
  const creator = peer === undefined ? null : landlock.sockets.creator(peer.ino, landlock.domains());
  const socket: UnixSocket = { creator, bound: 'place' in at ? 'path' : 'abstract' };
  return 'place' in at
    ? resolveUnix(behaviour, caller, world.path(at.place), socket)
    : reachSocket(behaviour, caller, socket, question.connected === true);
}

function judgeOpen(behaviour: Behaviour, caller: Credential, path: Path, rights: readonly FsRight[]): Judged {
  const { domain } = caller;
  const mode = modeOf(rights);
  const type = path.dentry.inode?.type ?? 'reg';
  // The common case, without looking up what only a denial needs.
  if (domain === null || pathAllows(behaviour, domain, path, fullMask(type, mode))) return simple(ALLOWED);
  const opened = open(behaviour, caller, path, mode);
  if (!opened.allowed) return simple(opened);
  // O_TRUNC: the file is opened first and truncated then.
  const cut = rights.includes('fs.truncate')
    ? fileTruncate(behaviour, { path, rights: opened.rights })
    : ALLOWED;
  if (!cut.allowed) return simple(cut);
  const lacking = lackingOf(opened.rights, type);
  return {
    decision: ALLOWED,
    judgement: lacking.length === 0 ? YES : { errno: 0, lacking, file: opened.rights },
  };
}

/** More than an open can ask for: who has all of it lacks nothing later. */
function fullMask(type: Place['type'], mode: OpenMode): number {
  const wanted: FsRight[] = ['fs.truncate', 'fs.ioctl_dev'];
  if (mode.read) wanted.push(type === 'dir' ? 'fs.read_dir' : 'fs.read_file');
  if (mode.write) wanted.push('fs.write_file');
  if (mode.execute === true) wanted.push('fs.execute', 'fs.read_file');
  return maskOf(wanted);
}

function lackingOf(rights: FileRights, type: Place['type']): FsRight[] {
  const device = type === 'char' || type === 'block';
  const optional: readonly FsRight[] = device ? ['fs.truncate', 'fs.ioctl_dev'] : ['fs.truncate'];
  return optional.filter((right) => (rights.allowed & ACCESS_OPTIONAL & maskOf([right])) === 0);
}

function modeOf(rights: readonly FsRight[]): OpenMode {
  return {
    read: rights.includes('fs.read_file') || rights.includes('fs.read_dir'),
    write: rights.includes('fs.write_file'),
    execute: rights.includes('fs.execute'),
  };
}

/** The filesystem rights among those asked; the others are not Landlock's. */
function maskOf(rights: readonly string[]): number {
  return fsMask(...rights.filter((right): right is FsRight => right in FS_RIGHTS));
}
