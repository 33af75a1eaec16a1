/**
 * Programs that follow lookups: a cookie for each chain of programs is all that is carried along one lookup, and a tag on
 * an opened directory is all that a later lookup from there begins with.
 *
 * Owns the order of walk, pick and get, and what becomes of cookies. Where tags are kept, and which object an inode is,
 * is the caller's.
 */

import type { Hook, Program, ProgramDomain, ProgramInode } from './domain.ts';
import { deniedBy } from './run.ts';

/** How `fs_walk` names what is looked for in a directory. */
export const FS_LOOKUP = { NAME: 0, DOT: 1, DOTDOT: 2 } as const;

/** The tags of a run: numbers that chains have put on objects. */
export interface Tags {
  get(chain: object, inode: ProgramInode): bigint | undefined;
  set(chain: object, inode: ProgramInode, tag: bigint): void;
}

/** A lookup on its way: the cookie of each chain. Changed by walking. */
export interface Lookup {
  readonly cookies: Map<object, bigint>;
}

const FILE_HOOKS = ['fs_walk', 'fs_pick', 'fs_get'] as const satisfies readonly Hook[];

/** Programs of no chain are one each. */
function chainOf(program: Program): object {
  return program.chain ?? program;
}

/**
 * Begins a lookup, or lets one go on from another object (an absolute link, a magic one): what the way until there has
 * earned counts no longer, only what the object was tagged with.
 *
 * @param start the directory in which it begins
 */
export function startLookup(domain: ProgramDomain | null, start: ProgramInode, tags: Tags): Lookup {
  const cookies = new Map<object, bigint>();
  for (const hook of FILE_HOOKS)
    for (let node = domain?.lists[hook] ?? null; node !== null; node = node.previous) {
      const chain = chainOf(node.program);
      if (!cookies.has(chain)) cookies.set(chain, tags.get(chain, start) ?? 0n);
    }
  return { cookies };
}

/** A lookup that has come this far, to go two ways from here. */
export function copyLookup({ cookies }: Lookup): Lookup {
  return { cookies: new Map(cookies) };
}

/** Looks for something in a directory. @returns who denies, or `null` */
export function walkFile(
  domain: ProgramDomain | null,
  { cookies }: Lookup,
  inode: ProgramInode,
  lookup: keyof typeof FS_LOOKUP,
): Program | null {
  return deniedBy(
    domain,
    'fs_walk',
    (program) => ({ cookie: cookies.get(chainOf(program)) ?? 0n, inode, lookup: BigInt(FS_LOOKUP[lookup]) }),
    (program, { cookie }) => cookies.set(chainOf(program), cookie),
  );
}

/** Does something to the object that a lookup has found. @returns who denies, or `null` */
export function pickFile(
  domain: ProgramDomain | null,
  { cookies }: Lookup,
  inode: ProgramInode,
  triggers: bigint,
): Program | null {
  return deniedBy(
    domain,
    'fs_pick',
    (program) =>
      program.triggers !== undefined && (program.triggers & triggers) === 0n
        ? null
        : { cookie: cookies.get(chainOf(program)) ?? 0n, inode, triggers },
    (program, { cookie }) => cookies.set(chainOf(program), cookie),
  );
}

/**
 * Uses the object after an allowed pick as where later lookups begin (it was opened, or became the working directory or the
 * root): programs may tag it. A tag of 0 is none.
 *
 * @returns who denies, or `null`; nothing is tagged where anybody denies
 */
export function getFile(
  domain: ProgramDomain | null,
  { cookies }: Lookup,
  inode: ProgramInode,
  tags: Tags,
): Program | null {
  const wanted = new Map<object, bigint>();
  const denier = deniedBy(
    domain,
    'fs_get',
    (program) => {
      const chain = chainOf(program);
      return { cookie: cookies.get(chain) ?? 0n, inode, tag: wanted.get(chain) ?? 0n };
    },
    (program, { tag }) => wanted.set(chainOf(program), tag),
  );
  if (denier === null) for (const [chain, tag] of wanted) tags.set(chain, inode, tag);
  return denier;
}
