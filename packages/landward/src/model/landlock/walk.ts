/**
 * The path walk: which rights each layer of a domain still lacks for an object, collected from the object up to the
 * root of the mount tree. The hot path of every file-system decision: it allocates nothing, and its cost depends on the
 * depth and the layers, not on the number of rules.
 *
 * Owns the simple request. Requests with two ends are `refer.ts`.
 */

import { type Behaviour, fixed } from './behaviour.ts';
import { type Domain, type Grants, grantedAccess, grantedLayer, grantedQuietly } from './domain.ts';
import type { Dentry, Mount, Path } from './world.ts';

/** Erratum 3: the walk goes on from the mount's root when it meets the top of a disconnected directory. */
const DISCONNECTED = 3;

/**
 * Whether every layer grants every right asked. What is missing is left in `domain.scratch`.
 *
 * @param request mask of filesystem rights.
 */
export function pathAllows(behaviour: Behaviour, domain: Domain, path: Path, request: number): boolean {
  const scratch = domain.scratch;
  const missing = scratch.missing;
  const denies = domain.denies;
  scratch.quiet = 0;
  let lacking = 0;
  for (let layer = 0; layer < missing.length; layer++) {
    const asked = request & denies[layer]!;
    missing[layer] = asked;
    if (asked !== 0) lacking++;
  }
  if (lacking === 0 || isExempt(path.dentry)) {
    if (lacking !== 0) missing.fill(0);
    return true;
  }
  let mount: Mount = path.mount;
  let dentry: Dentry = path.dentry;
  for (;;) {
    const grants = dentry.inode === null ? undefined : domain.paths.get(dentry.inode);
    if (grants !== undefined) {
      for (let index = 0; index < grants.length; index++) {
        const word = grants[index]!;
        const layer = grantedLayer(word);
        const before = missing[layer]!;
        const after = before & ~grantedAccess(word);
        if (grantedQuietly(word)) scratch.quiet |= 1 << layer;
        missing[layer] = after;
        if (before !== 0 && after === 0) lacking--;
      }
      if (lacking === 0) return true;
    }
    while (dentry === mount.root) {
      if (mount.parent === null || mount.mountpoint === null) return false;
      dentry = mount.mountpoint;
      mount = mount.parent;
    }
    if (dentry.parent !== null) {
      dentry = dentry.parent;
    } else if (mount.internal) {
      missing.fill(0);
      return true;
    } else if (fixed(behaviour, DISCONNECTED)) {
      dentry = mount.root;
    } else {
      return false;
    }
  }
}

/** Whether Landlock never looks at this object: what it is on is not mountable by users, or the kernel calls it private. */
export function isExempt(dentry: Dentry): boolean {
  const inode = dentry.inode;
  return inode !== null && (inode.superblock.noUser || inode.private);
}

/** Clears from a matrix (a word a layer) what the rules on one object grant. */
export function clear(grants: Grants | undefined, missing: Uint32Array): void {
  if (grants === undefined) return;
  for (const word of grants) missing[grantedLayer(word)]! &= ~grantedAccess(word);
}

/** Whether no layer lacks anything. */
export function isFulfilled(missing: Uint32Array): boolean {
  for (let layer = 0; layer < missing.length; layer++) if (missing[layer] !== 0) return false;
  return true;
}
