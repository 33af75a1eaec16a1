/**
 * Objects of the file system as handlers hold them: pinned by a descriptor, never by a name that somebody can change.
 *
 * Owns the shapes; finding them is `files/resolve.ts`.
 */

import type { InodeType } from '../model/landlock/world.ts';
import type { Trail } from './trail.ts';

/** An object. */
export interface Place {
  /** O_PATH descriptor, owned by the call. */
  readonly fd: number;
  /** Where it is now, in the supervisor's root; without the mark of deleted files. May hold replacement characters. */
  readonly path: string;
  readonly type: InodeType;
  readonly dev: bigint;
  readonly ino: bigint;
  /**
   * The directory in which its name was found, as an O_PATH descriptor owned by the call; absent where the resolver did
   * not go through a name, and for directories, which know their parent.
   */
  readonly parent?: number;
  /** The lookup that has found it, where lookups are followed. */
  readonly trail?: Trail;
  /** Whether it has no name any more, or never had. */
  readonly unlinked: boolean;
  /** Whether it is on a file system that Landlock never looks at (pipes, sockets, anonymous files, namespaces). */
  readonly exempt: boolean;
}

/** A name in a pinned directory, whether or not something is there. */
export interface Entry {
  readonly parent: Place;
  /** The last component, as bytes. */
  readonly name: Uint8Array;
  /** What the name means now, symbolic links not followed; `null` where nothing is there. */
  readonly object: Place | null;
  /** The path of the name, in the supervisor's root. */
  readonly path: string;
}
