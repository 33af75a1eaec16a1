/**
 * The system as Landlock sees it: inodes, dentries, mounts, tasks, sockets, open files. Interfaces only; an in-memory
 * world is in `memory/`, and the supervisor builds these objects from the live system.
 *
 * Identity is object identity: two inodes are the same inode exactly if they are the same object. Whoever implements
 * a world keeps one object for each thing.
 */

import type { Credential, Domain, Node } from './domain.ts';

export type InodeType = 'reg' | 'dir' | 'lnk' | 'char' | 'block' | 'fifo' | 'sock';

/** A file system instance. */
export interface Superblock {
  /** Not mountable by users (pipes, sockets, anonymous inodes, namespaces): never mediated. */
  readonly noUser: boolean;
}

export interface Inode {
  readonly type: InodeType;
  readonly superblock: Superblock;
  /** Marked private by the kernel: never mediated. */
  readonly private: boolean;
}

/** A name in a file system. */
export interface Dentry {
  /** `null` for a name that does not exist. */
  readonly inode: Inode | null;
  /** `null` at the root of a file system. */
  readonly parent: Dentry | null;
}

export interface Mount {
  readonly root: Dentry;
  /** The mount and dentry that this one covers; `null` at the root of the mount tree or when detached. */
  readonly parent: Mount | null;
  readonly mountpoint: Dentry | null;
  /** A mount of the kernel's own, such as the one of namespaces. */
  readonly internal: boolean;
}

/** An object by its place. */
export interface Path {
  readonly mount: Mount;
  readonly dentry: Dentry;
}

/** A process: identity only (all its threads share it). */
export interface Process {
  readonly pid?: number;
}

/** A thread. */
export interface Task {
  readonly process: Process;
  readonly credential: Credential;
}

/** What an open file keeps from its opening; see `open.ts`. */
export interface FileRights {
  /** Rights that the opener had of those asked, the optional ones included. */
  readonly allowed: number;
  /** The domain of the opener. */
  readonly domain: Domain | null;
  /** Youngest layer that denied an optional right: truncate in bits 0-3, ioctl_dev in bits 4-7. */
  readonly denyLayers: number;
  /** Optional rights whose denial is quiet. */
  readonly quiet: number;
  /** Whether the opener's layer was still in the program that enforced it, a bit for each layer. */
  readonly sameExec: number;
}

export interface OpenFile {
  readonly path: Path;
  readonly rights: FileRights;
}

/** A UNIX socket as the peer of a call. */
export interface UnixSocket {
  /** The domain of the task that called `socket()`, whatever happened to the socket since. */
  readonly creator: Domain | null;
  readonly bound: 'unnamed' | 'abstract' | 'path';
}

/** An internet socket. Whose it is does not matter: the calling task decides. */
export interface InetSocket {
  readonly family: 'inet' | 'inet6';
  readonly type: 'stream' | 'dgram' | 'other';
  /** `IPPROTO_*` number: 6 TCP, 17 UDP, 262 MPTCP. */
  readonly protocol: number;
  /** Whether it has a local port. */
  readonly bound: boolean;
}

/** Whom `F_SETOWN` recorded. */
export interface FileOwner {
  readonly domain: Domain | null;
  /** Whether the program that enforced each layer still ran, a bit for each. */
  readonly sameExec: number;
  /** The process that called `F_SETOWN`. */
  readonly process: Process;
  /** Whether the recorded domain is not kept, because the owner is a thread of the caller's own process. */
  readonly self: boolean;
}

export type { Credential, Domain, Node };
