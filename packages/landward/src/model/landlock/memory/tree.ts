/**
 * File systems in memory: inodes, names and file system instances that the model decides on. Owns the shape of a tree and
 * the small changes to it (attach, detach, move); which change is legal is `vfs.ts`.
 */

import type { Dentry, Inode, InodeType, Superblock } from '../world.ts';

/** How a file system treats what the kernel leaves to it. */
export type FilesystemKind = 'tmpfs' | 'overlay' | 'other';

export class MemorySuperblock implements Superblock {
  readonly kind: FilesystemKind;
  readonly noUser: boolean;
  readonly root: MemoryDentry;

  constructor(kind: FilesystemKind, noUser = false) {
    this.kind = kind;
    this.noUser = noUser;
    this.root = new MemoryDentry('', null, new MemoryInode('dir', this));
  }
}

export class MemoryInode implements Inode {
  readonly type: InodeType;
  readonly superblock: MemorySuperblock;
  readonly private: boolean;
  /** Device number of a character or block device. */
  readonly rdev: number;
  /** Where a symbolic link leads. */
  readonly target: string;
  /** The program that a script names in its first line; `null` for an empty file. */
  script: string | null = null;
  /** How many names it has; an unnamed file made by O_TMPFILE has none and can be linked. */
  links = 1;
  readonly unnamed: boolean;
  /** Whether an overlay's directory comes from a lower layer, which makes it immovable. */
  readonly lower: boolean;

  constructor(
    type: InodeType,
    superblock: MemorySuperblock,
    more: { rdev?: number; target?: string; private?: boolean; lower?: boolean; unnamed?: boolean } = {},
  ) {
    this.type = type;
    this.superblock = superblock;
    this.rdev = more.rdev ?? 0;
    this.target = more.target ?? '';
    this.private = more.private ?? false;
    this.lower = more.lower ?? false;
    this.unnamed = more.unnamed ?? false;
    if (this.unnamed) this.links = 0;
  }
}

/** A name. It keeps its parent after it was removed, as in the kernel. */
export class MemoryDentry implements Dentry {
  name: string;
  parent: MemoryDentry | null;
  inode: MemoryInode | null;
  readonly children = new Map<string, MemoryDentry>();
  /** How many mounts cover it. */
  mounted = 0;
  /** Whether the directory was removed. */
  dead = false;

  constructor(name: string, parent: MemoryDentry | null, inode: MemoryInode | null) {
    this.name = name;
    this.parent = parent;
    this.inode = inode;
  }

  /** The name below this directory; one without inode where there is nothing. */
  child(name: string): MemoryDentry {
    return this.children.get(name) ?? new MemoryDentry(name, this, null);
  }

  /** Puts an inode under a name. */
  add(name: string, inode: MemoryInode): MemoryDentry {
    const dentry = new MemoryDentry(name, this, inode);
    this.children.set(name, dentry);
    return dentry;
  }

  /** Takes the name away. */
  detach(): void {
    if (this.parent?.children.get(this.name) === this) this.parent.children.delete(this.name);
  }

  /** Moves the name, replacing what is there. */
  moveTo(directory: MemoryDentry, name: string): void {
    this.detach();
    this.parent = directory;
    this.name = name;
    directory.children.set(name, this);
  }

  /** Whether this is `other` or below it. */
  isWithin(other: MemoryDentry): boolean {
    for (let dentry: MemoryDentry | null = this; dentry !== null; dentry = dentry.parent)
      if (dentry === other) return true;
    return false;
  }
}

/** Copies trees into an overlay's merged tree: later ones are upper and win, directories merge, inodes are new. */
export function merged(lower: MemoryDentry, upper: MemoryDentry): MemorySuperblock {
  const superblock = new MemorySuperblock('overlay');
  const copy = (into: MemoryDentry, from: MemoryDentry, isLower: boolean) => {
    for (const [name, child] of from.children) {
      const inode = child.inode!;
      const here = into.children.get(name);
      if (here?.inode?.type === 'dir' && inode.type === 'dir') {
        copy(here, child, isLower);
        continue;
      }
      const { type, rdev, target } = inode;
      const made = new MemoryInode(type, superblock, { rdev, target, lower: isLower });
      made.script = inode.script;
      copy(into.add(name, made), child, isLower);
    }
  };
  copy(superblock.root, lower, true);
  copy(superblock.root, upper, false);
  return superblock;
}
