/**
 * Lookups that policy programs follow: each directory in which something is looked for is shown to them, and may be refused.
 *
 * Owns the asking. What a lookup has earned on its way is kept in its trail, for whoever asks about the object at its end.
 */

import { type Call, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import type { Trail } from '../trail.ts';
import type { Fact } from './look.ts';

/** Hears of a lookup as it goes. */
export interface Follower {
  readonly trail: Trail;
  /** It begins at a directory, or anew at what a link means that leads away from where it is. */
  start(fd: number, fact: Fact): void;
  /** Something is looked for in a directory. @throws {Refused} what is answered */
  step(fd: number, fact: Fact, lookup: 'name' | 'dot' | 'dotdot'): void;
}

/** Whoever follows the lookups of a call; absent where nobody does. */
export function followerOf(call: Call): Follower | undefined {
  const { authority } = call.run;
  if (authority.follows?.(call) !== true) return undefined;
  const trail: Trail = {};
  const ask = (fd: number, { type, dev, ino, nlink }: Fact, lookup: 'start' | 'name' | 'dot' | 'dotdot') => {
    // Programs see an object, not its path, which would take a call to find out.
    const at: Place = {
      fd,
      path: '(a directory on the way)',
      type,
      dev,
      ino,
      unlinked: nlink === 0,
      exempt: false,
    };
    const { errno } = authority.besides!(call, { kind: 'walk', at, lookup, trail });
    if (errno !== 0) refuse(errno);
  };
  return {
    trail,
    start: (fd, fact) => ask(fd, fact, 'start'),
    step(fd, fact, lookup) {
      // In anything else nothing can be looked for, as the kernel will say.
      if (fact.type === 'dir') ask(fd, fact, lookup);
    },
  };
}

/** A place with the way by which it was found. */
export function found<P extends Place>(place: P, follower: Follower | undefined): P {
  return follower === undefined ? place : { ...place, trail: follower.trail };
}
