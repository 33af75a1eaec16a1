/**
 * Which mounts this thread sees at a place of its own tree. An object on another mount (of another mount namespace, or one
 * that was taken off the tree) has a path that means something else here.
 *
 * Owns a list that is read again after a second, and when a mount is met that is not in it, then not more often than some
 * times a second. So for a second a mount that somebody took off the tree counts as being there: no confined program can.
 */

import { readFileSync } from 'node:fs';

const AGAIN_MS = 100;
const GOOD_FOR_MS = 1000;

let mounts: ReadonlySet<number> = new Set();
let readAt = 0;

/** Whether a mount, by the number that `statx` gives, is in this thread's tree. */
export function isOwnMount(mount: bigint): boolean {
  const id = Number(mount);
  const age = Date.now() - readAt;
  if (age < GOOD_FOR_MS && mounts.has(id)) return true;
  if (age < AGAIN_MS) return false;
  readAt = Date.now();
  mounts = readMounts();
  return mounts.has(id);
}

function readMounts(): ReadonlySet<number> {
  try {
    const lines = readFileSync('/proc/thread-self/mountinfo', 'latin1').split('\n');
    return new Set(lines.map((line) => Number.parseInt(line, 10)));
  } catch {
    return new Set();
  }
}
