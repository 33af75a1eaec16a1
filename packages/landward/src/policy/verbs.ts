/**
 * The verbs of the language and the kernel rights they stand for: what `landward policy print --kernel` documents.
 *
 * A verb grants a set of rights and denies a (smaller) set: who may write may read, but who must not write may still
 * read. Device nodes (`fs.make_char`, `fs.make_block`) belong to no verb; `[kernel]` grants them.
 */

import type { MetaRight } from '../model/rules.ts';
import { FS_RIGHTS, type FsRight } from '../uapi/landlock.ts';

export interface VerbRow {
  /**
   * The rights of an allow rule with this verb. Those on metadata matter only inside a tree that is hidden: elsewhere
   * metadata is free, as Landlock leaves it.
   */
  readonly grants: readonly (FsRight | MetaRight)[];
  /** The rights that a deny, hide or ask rule narrowed to this verb speaks about. */
  readonly denies: readonly FsRight[];
  readonly doc: string;
}

const MAKE = ['fs.make_dir', 'fs.make_reg', 'fs.make_sock', 'fs.make_fifo', 'fs.make_sym'] as const;
const REMOVE = ['fs.remove_dir', 'fs.remove_file'] as const;
const SEE = ['meta.stat', 'meta.list'] as const;
const CHANGE = ['fs.write_file', 'fs.truncate'] as const;

/** Every verb of `[fs]`, in the order in which they are documented. */
export const VERBS = {
  read: {
    grants: ['fs.read_file', 'fs.read_dir', ...SEE],
    denies: ['fs.read_file', 'fs.read_dir'],
    doc: 'Read files and list directories',
  },
  list: {
    grants: ['fs.read_dir', ...SEE],
    denies: ['fs.read_dir'],
    doc: 'List directories, without reading files',
  },
  exec: {
    grants: ['fs.execute', 'fs.read_file', 'meta.stat'],
    denies: ['fs.execute'],
    doc: 'Run programs, and read them as the loader must',
  },
  write: {
    grants: [
      'fs.write_file',
      'fs.read_file',
      'fs.read_dir',
      ...REMOVE,
      ...MAKE,
      'fs.refer',
      'fs.truncate',
      ...SEE,
      'meta.write',
    ],
    denies: ['fs.write_file', ...REMOVE, 'fs.make_char', ...MAKE, 'fs.make_block', 'fs.refer', 'fs.truncate'],
    doc: 'Read, write, create, delete, rename, move and truncate',
  },
  modify: { grants: [...CHANGE, 'meta.stat'], denies: CHANGE, doc: 'Write to and truncate files that exist' },
  create: {
    grants: MAKE,
    denies: ['fs.make_char', 'fs.make_block', ...MAKE],
    doc: 'Make files, directories, symbolic links, sockets and pipes',
  },
  delete: { grants: REMOVE, denies: REMOVE, doc: 'Remove files and directories' },
  refer: { grants: ['fs.refer'], denies: ['fs.refer'], doc: 'Move and link between directories' },
  device: {
    grants: ['fs.read_file', 'fs.write_file', 'fs.truncate', 'fs.ioctl_dev', 'meta.stat'],
    denies: ['fs.ioctl_dev'],
    doc: 'Use devices: read, write and ioctl',
  },
} as const satisfies Record<string, VerbRow>;

export type Verb = keyof typeof VERBS;

/** All verbs, in order. */
export const verbNames = Object.keys(VERBS) as readonly Verb[];

/** What a deny, hide or ask without narrower rights speaks about: everything that Landlock knows. */
export const ALL_FS_RIGHTS = Object.keys(FS_RIGHTS) as readonly FsRight[];

/** Rights on metadata by name. */
export const META_RIGHTS = {
  'meta.stat': 'See that a path exists and what it is',
  'meta.list': 'See a name in the listing of its directory',
  'meta.write': 'Change mode, owner, times and extended attributes',
} as const satisfies Record<MetaRight, string>;

/** A hidden path gives neither its content nor its existence. */
export const HIDE_RIGHTS: readonly (FsRight | MetaRight)[] = [
  ...ALL_FS_RIGHTS,
  'meta.stat',
  'meta.list',
  'meta.write',
];

const order = new Map<string, number>(
  [...ALL_FS_RIGHTS, ...Object.keys(META_RIGHTS)].map((name, index) => [name, index]),
);

/** Rights without duplicates, in the order of their bits, rights on metadata last. */
export function sortedRights<R extends FsRight | MetaRight>(rights: Iterable<R>): R[] {
  return [...new Set(rights)].sort((a, b) => order.get(a)! - order.get(b)!);
}
