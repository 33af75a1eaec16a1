/**
 * The live system as the model sees it: paths, names and mounts, built for one question from what the handlers have pinned
 * and from the way up that the kernel tells.
 *
 * Owns the building. Objects of one `World` are the same object where they are the same directory; a world is thrown away
 * after its question.
 */

import { attempt } from '../../kernel/call.ts';
import type { Dentry, Inode, Mount, Path } from '../../model/landlock/index.ts';
import type { Entry, Place } from '../place.ts';
import { type Ascent, ascend, type Level, lookAtLevel } from './ancestors.ts';
import { exemptInode, type Inodes, stranger } from './inodes.ts';

/** A name with what logs tell of it. */
export interface LiveDentry extends Dentry {
  inode: Inode | null;
  parent: LiveDentry | null;
  /** What logs say of the object; only of those that a question is about. */
  readonly told?: { readonly path: string; readonly level: Level | null };
}

interface LiveMount extends Mount {
  root: LiveDentry;
  parent: LiveMount | null;
  mountpoint: LiveDentry | null;
}

/** How a directory that is cut off from its mount is found again. */
export interface Finder {
  /** The directories above it in its file system, and the root of its mount; each absent where it cannot be told. */
  above(directory: Level): { readonly connected: Ascent | null; readonly mountRoot: number | null };
  /** The directory in which an object has its name, where the handler did not go through one; `null` if unknown. */
  parentOf(place: Place): number | null;
}

/** Levels from an index on that are of a mount, and not below its root any more. */
interface Left {
  readonly mount: LiveMount;
  readonly from: number;
}

interface Located {
  readonly dentry: LiveDentry;
  readonly mount: LiveMount;
}

export class World implements Disposable {
  readonly #inodes: Inodes;
  readonly #finder: Finder;
  readonly #whiteouts: boolean;
  readonly #places = new Map<string, Located>();
  readonly #opened: number[] = [];

  /** @param whiteouts whether the kernel in question guards whiteouts like regular files (erratum 4) */
  constructor(inodes: Inodes, finder: Finder, whiteouts: boolean) {
    this.#whiteouts = whiteouts;
    this.#inodes = inodes;
    this.#finder = finder;
  }

  /** An object, by the way to it. */
  path(place: Place): Path {
    const level = lookAtLevel(place.fd);
    if (place.exempt || typeof level === 'number') return exemptPath(place);
    const told = { path: place.path, level };
    if (level.type === 'dir') return this.#directory(place.fd, told);
    const inode = this.#inodes.find(level.dev, level.ino, level.type, level.fd, level.path);
    const parent = place.parent ?? this.#finder.parentOf(place);
    const above = parent === null ? null : this.#directory(parent);
    return pathOf(this.#under(inode, level.mountRoot, above, told));
  }

  /** A directory that is pinned. */
  directory(place: Place): Path {
    return this.path(place);
  }

  /** The name of an entry, and its directory. */
  entry(entry: Entry): { readonly directory: Path; readonly name: LiveDentry } {
    const directory = this.path(entry.parent);
    const parent = directory.dentry as LiveDentry;
    const { object } = entry;
    const level = object === null ? null : lookAtLevel(object.fd);
    const inode =
      level === null ? null : typeof level === 'number' ? stranger(object!.type) : this.#named(level);
    const told = { path: entry.path, level: typeof level === 'number' ? null : level };
    return { directory, name: { inode, parent, told } };
  }

  /** What is at a name. Where whiteouts are guarded like files, one counts as a file wherever it is moved. */
  #named(level: Level): Inode {
    if (this.#whiteouts && level.type === 'char' && level.whiteout) return stranger('reg');
    return this.#inodes.find(level.dev, level.ino, level.type, level.fd, level.path);
  }

  /** Closes what the walks had to open. */
  [Symbol.dispose](): void {
    for (const fd of this.#opened) attempt('close', fd);
  }

  #under(
    inode: Inode,
    mountRoot: boolean,
    above: Located | null,
    told: NonNullable<LiveDentry['told']>,
  ): Located {
    if (!mountRoot && above !== null)
      return { dentry: { inode, parent: above.dentry, told }, mount: above.mount };
    const root: LiveDentry = { inode, parent: null, told };
    return { dentry: root, mount: this.#mount(root, mountRoot ? above : null) };
  }

  #mount(root: LiveDentry, above: Located | null): LiveMount {
    return {
      root,
      parent: above?.mount ?? null,
      // What the mount covers is met by nobody: the walk goes on above it.
      mountpoint: above === null ? null : { inode: null, parent: above.dentry },
      internal: false,
    };
  }

  #directory(fd: number, told?: NonNullable<LiveDentry['told']>): Located {
    const keep = (opened: number) => this.#opened.push(opened);
    const { levels, detached } = ascend(fd, keep);
    const last = levels.at(-1);
    if (last === undefined) return exemptLocation();
    if (!detached) return this.#chain(levels, null, told);
    const { connected, mountRoot } = this.#finder.above(last);
    if (mountRoot !== null) keep(mountRoot);
    // The root of the mount that the directory has left is where the walk goes on.
    const root = mountRoot === null ? null : this.#directory(mountRoot);
    const above = connected === null ? [] : ofFileSystem(connected.levels);
    const more = above.filter((level) => !isSameObject(level, last));
    // What is above the root of a mount is on another one.
    const inside = last.mountRoot
      ? levels.length
      : levels.findLastIndex((level) => level.mount !== last.mount) + 1;
    return this.#chain(
      [...levels, ...more],
      root === null ? null : { mount: root.mount, from: inside },
      told,
    );
  }

  /**
   * Links levels to names.
   *
   * @param left the mount that the levels from an index on belong to without being below its root; `null` for the ordinary
   *   case
   */
  #chain(levels: readonly Level[], left: Left | null, told?: NonNullable<LiveDentry['told']>): Located {
    let above: Located | null = null;
    let level: Level | undefined;
    for (let index = levels.length - 1; index >= 0; index--) {
      level = levels[index]!;
      const isLeft = left !== null && index >= left.from;
      const key = `${level.mount}:${level.dev}:${level.ino}${isLeft ? ' left' : ''}`;
      const known: Located | undefined = this.#places.get(key);
      if (known !== undefined && (index > 0 || told === undefined || known.dentry.told !== undefined)) {
        above = known;
        continue;
      }
      const inode = this.#inodes.find(level.dev, level.ino, level.type, level.fd, level.path);
      const located: Located = this.#link(
        inode,
        level,
        above,
        isLeft ? left.mount : null,
        index === 0 ? told : undefined,
      );
      this.#places.set(key, located);
      above = located;
    }
    return above ?? exemptLocation();
  }

  #link(
    inode: Inode,
    level: Level,
    above: Located | null,
    left: LiveMount | null,
    told: LiveDentry['told'],
  ): Located {
    const base = { inode, ...(told === undefined ? {} : { told }) };
    if (left !== null) return { dentry: { ...base, parent: above?.dentry ?? null }, mount: left };
    if (!level.mountRoot && above !== null)
      return { dentry: { ...base, parent: above.dentry }, mount: above.mount };
    const root: LiveDentry = { ...base, parent: null };
    return { dentry: root, mount: this.#mount(root, above) };
  }
}

function pathOf({ dentry, mount }: Located): Path {
  return { dentry, mount };
}

/** The levels up to the root of the file system: a mount of all of it begins there. */
function ofFileSystem(levels: readonly Level[]): readonly Level[] {
  const end = levels.findIndex(({ mountRoot }) => mountRoot);
  return end < 0 ? levels : levels.slice(0, end + 1);
}

function isSameObject(a: Level, b: Level): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function exemptPath(place: Place): Path {
  const dentry: LiveDentry = {
    inode: exemptInode(place.type),
    parent: null,
    told: { path: place.path, level: null },
  };
  return { dentry, mount: { root: dentry, parent: null, mountpoint: null, internal: true } };
}

function exemptLocation(): Located {
  const dentry: LiveDentry = { inode: stranger('dir'), parent: null };
  return { dentry, mount: { root: dentry, parent: null, mountpoint: null, internal: false } };
}
