/**
 * Inodes that rules speak of, by what the kernel tells of them: device, number, and the file handle, whose generation
 * tells a new file from an old one with its number. No descriptor is kept, since that would keep file systems busy.
 *
 * Owns the identity of inodes. Inodes that no rule speaks of have none and are made where they are needed.
 */

import { attempt } from '../../kernel/call.ts';
import type { Inode, InodeType } from '../../model/landlock/index.ts';
import { AT } from '../../uapi/open.ts';
import { readProcLink } from '../target/proc.ts';

const AT_HANDLE_FID = 0x200;
const HANDLE_ROOM = 128;

const FILE_SYSTEM = { noUser: false } as const;
const KERNEL_INTERNAL = { noUser: true } as const;

/** An inode of no rule. One for each type suffices: nobody asks for its identity. */
const STRANGERS = new Map<InodeType, Inode>();

/** An inode that Landlock looks at and no rule names. */
export function stranger(type: InodeType): Inode {
  const known = STRANGERS.get(type);
  if (known !== undefined) return known;
  const made: Inode = { type, superblock: FILE_SYSTEM, private: false };
  STRANGERS.set(type, made);
  return made;
}

/** An inode that Landlock never looks at. */
export function exemptInode(type: InodeType): Inode {
  return { type, superblock: KERNEL_INTERNAL, private: false };
}

const memory = new Uint8Array(8 + HANDLE_ROOM);
const memoryView = new DataView(memory.buffer);
const mountId = new Int32Array(1);

/**
 * The file handle of an object, as text; empty on file systems that have none.
 *
 * @param path relative to the descriptor, terminated; empty for the object itself
 */
export function handleOf(fd: number, path: Uint8Array): string {
  const flags = path[0] === 0 ? AT.EMPTY_PATH : 0;
  for (const more of [AT_HANDLE_FID, 0]) {
    memoryView.setUint32(0, HANDLE_ROOM, true);
    const result = attempt('name_to_handle_at', fd, path, memory, mountId, flags | more);
    if (result !== 0) continue;
    const length = memoryView.getUint32(0, true);
    return Buffer.from(memory.subarray(4, 8 + length)).toString('base64');
  }
  return '';
}

/** An object by its numbers and its file handle, and where it was when a rule was made for it, where that is known. */
export interface Where {
  readonly path: string | null;
  /** `MAJOR:MINOR` of its file system. */
  readonly dev: string;
  readonly ino: string;
  /** As `handleOf` has it: tells it from a later object with its numbers. */
  readonly handle: string;
}

interface Known {
  readonly inode: WeakRef<Inode>;
  readonly handle: string;
}

/** The inodes that the rules of one run speak of. They live as long as a ruleset or domain holds them. */
export class Inodes {
  readonly #known = new Map<string, Known>();
  readonly #where = new WeakMap<Inode, Where>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.inode.deref() === undefined) this.#known.delete(key);
  });

  /** The inode of an object that a rule is made for. */
  rule(dev: bigint, ino: bigint, type: InodeType, fd: number, path: Uint8Array): Inode {
    const key = `${dev}:${ino}`;
    const handle = handleOf(fd, path);
    const known = this.#known.get(key);
    const before = known?.inode.deref();
    if (known !== undefined && before !== undefined && known.handle === handle && before.type === type)
      return before;
    const inode: Inode = { type, superblock: FILE_SYSTEM, private: false };
    this.#known.set(key, { inode: new WeakRef(inode), handle });
    this.#gone.register(inode, key);
    const place = path[0] === 0 ? readProcLink(`/proc/thread-self/fd/${fd}`) : null;
    const number = `${dev >> 32n}:${dev & 0xffff_ffffn}`;
    this.#where.set(inode, { path: place, dev: number, ino: String(ino), handle });
    return inode;
  }

  /** Which object the inode of a rule is. */
  where(inode: Inode): Where {
    return this.#where.get(inode) ?? { path: null, dev: '0:0', ino: '0', handle: '' };
  }

  /**
   * The inode of an object that is met.
   *
   * @param path relative to the descriptor: where the object is looked at again, if its number is that of a rule
   */
  find(dev: bigint, ino: bigint, type: InodeType, fd: number, path: Uint8Array): Inode {
    if (this.#known.size === 0) return stranger(type);
    const known = this.#known.get(`${dev}:${ino}`);
    const inode = known?.inode.deref();
    if (known === undefined || inode === undefined || inode.type !== type) return stranger(type);
    return handleOf(fd, path) === known.handle ? inode : stranger(type);
  }
}
