/**
 * User and group numbers of a target in a user namespace of its own, as this process numbers them.
 *
 * Owns the translation only; the maps are the kernel's.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { ERRNO } from '../../uapi/errno.ts';
import { type Call, refuse } from '../call.ts';

/** The number that changes nothing. */
const UNCHANGED = 0xffff_ffff;

/**
 * The number that a target means.
 *
 * @throws {Refused} EINVAL for one that its namespace does not map
 */
export function idInside(call: Call, kind: 'uid' | 'gid', id: number): number {
  if (id === UNCHANGED || sharesUsers(call)) return id;
  for (const line of mapOf(call, kind)) {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number) as [number, number, number];
    if (id >= inside && id - inside < count) return outside + (id - inside);
  }
  return refuse(ERRNO.EINVAL);
}

function sharesUsers(call: Call): boolean {
  try {
    return readlinkSync(`/proc/${call.target.tid}/ns/user`) === readlinkSync('/proc/thread-self/ns/user');
  } catch {
    return refuse(ERRNO.ESRCH);
  }
}

function mapOf(call: Call, kind: 'uid' | 'gid'): readonly string[] {
  try {
    return readFileSync(`/proc/${call.target.tid}/${kind}_map`, 'latin1')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return refuse(ERRNO.ESRCH);
  }
}
