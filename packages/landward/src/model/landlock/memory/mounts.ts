/**
 * A mount namespace in memory: the tree of mounts, and finding a path in it as the kernel does, with symbolic links and
 * mounts crossed. Whether a task may change the tree is not decided here.
 */

import { ERRNO } from '../../../uapi/errno.ts';
import type { Mount } from '../world.ts';
import { type MemoryDentry, MemorySuperblock } from './tree.ts';

export class MemoryMount implements Mount {
  readonly root: MemoryDentry;
  parent: MemoryMount | null = null;
  mountpoint: MemoryDentry | null = null;
  readonly internal: boolean;
  /** Mounts on this one, by the name that they cover. */
  readonly children = new Map<MemoryDentry, MemoryMount>();

  constructor(root: MemoryDentry, internal = false) {
    this.root = root;
    this.internal = internal;
  }
}

export interface MemoryPath {
  readonly mount: MemoryMount;
  readonly dentry: MemoryDentry;
}

/** What a path leads to: the directory and name, and the object with mounts crossed. `errno` 0 when the directory was found; `dead` when it was removed. */
export type Found =
  | {
      readonly errno: 0;
      readonly directory: MemoryPath;
      readonly name: MemoryDentry;
      readonly object: MemoryPath;
      readonly dead: boolean;
    }
  | { readonly errno: number; readonly directory?: undefined; readonly object?: undefined };

const LINK_LIMIT = 40;

type Visit = (name: MemoryDentry) => void;

export class MountNamespace {
  readonly root: MemoryPath;

  constructor(superblock = new MemorySuperblock('other')) {
    this.root = { mount: new MemoryMount(superblock.root), dentry: superblock.root };
  }

  /**
   * Finds a path.
   *
   * @param follow whether a symbolic link in the last component is followed.
   * @param base where a relative path starts.
   * @param visit is told each name on the way.
   */
  find(path: string, follow: boolean, base: MemoryPath = this.root, visit: Visit = () => {}): Found {
    return this.#find(path, follow, path.startsWith('/') ? this.root : base, { left: LINK_LIMIT, visit });
  }

  #find(path: string, follow: boolean, base: MemoryPath, links: { left: number; visit: Visit }): Found {
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    let at = base;
    if (names.length === 0 && at.dentry.inode?.type !== 'dir') return { errno: ERRNO.ENOTDIR };
    if (names.length === 0) return { errno: 0, directory: at, name: at.dentry, object: at, dead: false };
    for (const [index, name] of names.entries()) {
      const last = index === names.length - 1;
      if (at.dentry.inode?.type !== 'dir') return { errno: ERRNO.ENOTDIR };
      if (at.dentry.dead && !last) return { errno: ERRNO.ENOENT };
      const dentry = at.dentry.child(name);
      links.visit(dentry);
      const inode = dentry.inode;
      if (inode?.type === 'lnk' && (!last || follow)) {
        if (links.left-- === 0) return { errno: ERRNO.ELOOP };
        const start = inode.target.startsWith('/') ? this.root : at;
        const found = this.#find(inode.target, true, start, links);
        if (last || found.object === undefined) return found;
        if (found.object.dentry.inode === null) return { errno: ERRNO.ENOENT };
        at = found.object;
        continue;
      }
      const object = cross({ mount: at.mount, dentry });
      if (last) return { errno: 0, directory: at, name: dentry, object, dead: at.dentry.dead };
      if (inode === null) return { errno: ERRNO.ENOENT };
      at = object;
    }
    throw new Error('unreachable: the last component returns');
  }

  /** Mounts a tree over a path, whose mounts are already crossed. */
  attach(root: MemoryDentry, over: MemoryPath): MemoryMount {
    const mount = new MemoryMount(root);
    this.place(mount, over);
    return mount;
  }

  /** Puts a mount that is nowhere over a path. */
  place(mount: MemoryMount, over: MemoryPath): void {
    mount.parent = over.mount;
    mount.mountpoint = over.dentry;
    over.mount.children.set(over.dentry, mount);
    over.dentry.mounted++;
  }

  /** Takes a mount from where it is. */
  lift(mount: MemoryMount): void {
    if (mount.parent === null || mount.mountpoint === null) return;
    mount.parent.children.delete(mount.mountpoint);
    mount.mountpoint.mounted--;
    mount.parent = null;
    mount.mountpoint = null;
  }

  /** Unmounts lazily: the mount and everything mounted below it come apart. */
  detach(mount: MemoryMount): void {
    for (const child of [...mount.children.values()]) this.detach(child);
    this.lift(mount);
  }
}

/** The topmost mount over a path. */
export function cross(path: MemoryPath): MemoryPath {
  let at = path;
  for (;;) {
    const over = at.mount.children.get(at.dentry);
    if (over === undefined) return at;
    at = { mount: over, dentry: over.root };
  }
}
