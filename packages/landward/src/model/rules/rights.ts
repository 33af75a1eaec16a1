/** The rights that path rules speak about, as masks: Landlock's bits first, the supervisor's metadata rights above. */

import { FS_RIGHTS, type FsRight } from '../../uapi/landlock.ts';
import { ACCESS_FILE } from '../../uapi/masks.ts';
import type { MetaRight, PathRule } from '../rules.ts';

export type PathRight = FsRight | MetaRight;

const META_BITS = { 'meta.stat': 24, 'meta.list': 25, 'meta.write': 26 } as const satisfies Record<
  MetaRight,
  number
>;

const BITS: ReadonlyMap<PathRight, number> = new Map<PathRight, number>([
  ...(Object.keys(FS_RIGHTS) as FsRight[]).map((right) => [right, FS_RIGHTS[right].bit] as const),
  ...(Object.keys(META_BITS) as MetaRight[]).map((right) => [right, META_BITS[right]] as const),
]);

const ORDERED = [...BITS].map(([right, bit]) => [right, 1 << bit] as const);

/** Every right of a path, in bit order. */
export const PATH_RIGHTS: readonly PathRight[] = [...BITS.keys()];

/** The mask of rights. */
export function pathMask(rights: readonly PathRight[]): number {
  let mask = 0;
  for (const right of rights) mask |= 1 << BITS.get(right)!;
  return mask;
}

/** The rights of a mask, in bit order. */
export function pathRights(mask: number): PathRight[] {
  const found: PathRight[] = [];
  for (const [right, bit] of ORDERED) if (mask & bit) found.push(right);
  return found;
}

/** Every right of a path. */
export const ALL_RIGHTS = pathMask(PATH_RIGHTS);

/** Rights on metadata: free unless a rule speaks about them, since Landlock leaves them free. */
export const META_RIGHTS = pathMask(Object.keys(META_BITS) as MetaRight[]);

/**
 * Rights over the entry, not over what it names: who may make, remove or move `a` in a directory. A grant of a
 * tree gives them below its root, and never for the root itself, just as Landlock asks the directory that holds it.
 */
export const ENTRY_RIGHTS = pathMask(
  PATH_RIGHTS.filter(
    (right) => right.startsWith('fs.make_') || right.startsWith('fs.remove_') || right === 'fs.refer',
  ),
);

/** Rights that mean something for an object that is not a directory. */
export const FILE_RIGHTS = (ACCESS_FILE & ALL_RIGHTS) | pathMask(['meta.stat', 'meta.write']);

/** The rights that a rule speaks about: a deny or hide that names none speaks about all. */
export function spokenMask(rule: Pick<PathRule, 'verdict' | 'rights'>): number {
  const named = pathMask(rule.rights);
  return named === 0 && (rule.verdict === 'deny' || rule.verdict === 'hide') ? ALL_RIGHTS : named;
}
