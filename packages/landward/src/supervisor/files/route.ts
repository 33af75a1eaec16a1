/** How a path is walked, and where that ends. Owns the shapes; the walk is `walk.ts`. */

import type { Follower } from './follow.ts';
import type { Fact } from './look.ts';

/** How to walk. */
export interface Route {
  /** Where a relative path begins, and what `RESOLVE_IN_ROOT` and `RESOLVE_BENEATH` mean. Not closed by the walk. */
  readonly base: number;
  /** The target's root. Not closed by the walk. */
  readonly root: number;
  /** Whether a link as the last component is followed. */
  readonly follow: boolean;
  /** `RESOLVE_*` of openat2. */
  readonly resolve: number;
  /** Whether the last component may be missing (or not to be had): then its directory is the result. */
  readonly missing: boolean;
  /** Asked for each object on the way, links included; throws where it must look absent. */
  readonly visit: ((fd: number, fact: Fact) => void) | undefined;
  /** Told of each directory in which something is looked for; may refuse. */
  readonly follower?: Follower | undefined;
}

/** Where a walk ended. Both descriptors are the caller's to close. */
export interface End {
  /** The object; `-errno` where the last name could not be looked up and that was allowed for: ENOENT, or worse. */
  readonly fd: number;
  readonly fact: Fact | null;
  /** The directory that holds `name`; -1 where the path ends in no name (`/`, `.`, `..`, a magic link). */
  readonly parent: number;
  readonly name: Uint8Array;
  /** Whether the path as it was followed ended in a slash. */
  readonly slash: boolean;
}
