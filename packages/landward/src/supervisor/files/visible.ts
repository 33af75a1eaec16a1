/**
 * What `hide` makes absent: asked for every object that a path passes.
 *
 * Owns the question only; the answer is the authority's.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { type Call, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import type { Fact } from './look.ts';
import { placeOf } from './place-of.ts';

/**
 * Whether a place must look absent. Reported where it must: the program is told something that is not so. A place that
 * may merely not be looked at (`meta.stat` denied) is there.
 */
export function isHidden(call: Call, path: string, at?: Place): boolean {
  const question = at === undefined ? { kind: 'find' as const, path } : { kind: 'find' as const, path, at };
  const { authority } = call.run;
  if (authority.would(call, question).errno !== ERRNO.ENOENT) return false;
  authority.ask(call, question);
  return true;
}

/** @throws {Refused} ENOENT where an object that a path passes must look absent */
export function mustBeVisible(call: Call, fd: number, fact: Fact): void {
  const place = placeOf(call, fd, { fact });
  if (!place.exempt && isHidden(call, place.path, place)) refuse(ERRNO.ENOENT);
}
