/**
 * Where a look-up of a target's path begins, and whether the kernel's look-up from this process means the same.
 *
 * Owns the choice of the base. The look-up itself is `resolve.ts`.
 */

import { AT_FDCWD, RESOLVE } from '../../uapi/open.ts';
import type { Call } from '../call.ts';
import { goesUp, isAbsolute } from './path-bytes.ts';

/** Where a look-up begins. */
export interface Start {
  readonly base: number;
  readonly resolve: number;
  /** Whether the kernel's look-up from here means what the target's would. */
  readonly quick: boolean;
  /** Whether links can be followed from here as well. */
  readonly linksHold: boolean;
  /** Whether the path itself tells where the object is, if it passes no link. */
  readonly plain: boolean;
  /** Where relative paths begin, for the walk. */
  readonly directory: number;
}

/** Where a path of the target begins. */
export function startOf(call: Call, dirfd: number, path: Uint8Array, resolve: number): Start {
  const { target } = call;
  const scoped = (resolve & (RESOLVE.IN_ROOT | RESOLVE.BENEATH)) !== 0;
  if (isAbsolute(path) && !scoped) {
    if (target.sharesRoot)
      return { base: AT_FDCWD, directory: AT_FDCWD, resolve, quick: true, linksHold: true, plain: true };
    const root = target.root();
    const inRoot = resolve | RESOLVE.IN_ROOT;
    return { base: root, directory: root, resolve: inRoot, quick: true, linksHold: true, plain: false };
  }
  const base = dirfd === AT_FDCWD ? target.cwd() : target.fd(dirfd);
  const quick = scoped || target.sharesRoot || !goesUp(path);
  const linksHold = scoped || target.sharesRoot;
  return { base, directory: base, resolve, quick, linksHold, plain: false };
}
