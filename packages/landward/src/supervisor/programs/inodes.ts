/**
 * Which object an inode is, to programs: device and number, which are the same for the same object wherever it is met.
 *
 * A number can come to mean a new file once the old one is gone. What is kept beyond a call is therefore pinned by a
 * descriptor (entries of maps) or compared by its file handle (tags).
 */

import { attempt } from '../../kernel/call.ts';
import type { ProgramInode, Tags } from '../../model/programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import { refuse } from '../call.ts';
import { drop, encodePath, lookAtFd, openPlace } from '../files/look.ts';
import { handleOf } from '../landlock/inodes.ts';
import type { Place } from '../place.ts';

const EMPTY = new Uint8Array(1);
/** Objects that one chain of one run may tag. */
const MOST_TAGS = 65_536;

/** What stands for an object: for maps its identity alone, for tags where it can be looked at again as well. */
export interface PlaceInode {
  readonly key: string;
  readonly fd: number;
}

/** The name of an object's identity. */
export function inodeKey({ dev, ino }: Pick<Place, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/** The tags of one run. */
export class RunTags implements Tags {
  readonly #chains = new Map<object, Map<string, { readonly handle: string; readonly tag: bigint }>>();
  /** The object that lookups and hooks are about at the moment; identities are strings, so that maps find them. */
  at: PlaceInode | null = null;

  get(chain: object, inode: ProgramInode): bigint | undefined {
    const known = this.#chains.get(chain)?.get(inode as string);
    if (known === undefined || this.at === null || this.at.key !== inode) return undefined;
    return handleOf(this.at.fd, EMPTY) === known.handle ? known.tag : undefined;
  }

  set(chain: object, inode: ProgramInode, tag: bigint): void {
    let tags = this.#chains.get(chain);
    if (tags === undefined) {
      tags = new Map();
      this.#chains.set(chain, tags);
    }
    if (tag === 0n || this.at === null || this.at.key !== inode) tags.delete(inode as string);
    // History that cannot be kept would be history that does not count.
    else if (tags.size >= MOST_TAGS && !tags.has(inode as string)) refuse(ERRNO.ENOMEM);
    else tags.set(inode as string, { handle: handleOf(this.at.fd, EMPTY), tag });
  }
}

/** Objects that a loader has put into maps, held open so that their numbers stay theirs. */
export class PinnedInodes implements Disposable {
  readonly #held: number[] = [];

  /** @returns the key of what is at a path, or `null` where that is not the object that was meant */
  pin(path: string, meant: Pick<Place, 'dev' | 'ino'>): string | null {
    const fd = openPlace(AT_FDCWD, encodePath(path), 0, 0);
    if (fd < 0) return null;
    const fact = lookAtFd(fd);
    if (typeof fact === 'number' || fact.dev !== meant.dev || fact.ino !== meant.ino) {
      drop(fd);
      return null;
    }
    this.#held.push(fd);
    return inodeKey(fact);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#held) attempt('close', fd);
    this.#held.length = 0;
  }
}
