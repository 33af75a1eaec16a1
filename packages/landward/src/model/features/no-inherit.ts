/**
 * Rules that keep their ancestors' grants away (`fs.no_inherit`): inside one ruleset the object below such a rule gets
 * what the rule and rules below it grant, nothing from above. The way out by moving is closed: within the layer neither
 * the object nor a directory above it, up to the mount's root, can be renamed, removed or linked elsewhere.
 */

import { FS_RIGHTS } from '../../uapi/landlock.ts';
import { done, type Result, refused } from '../landlock/result.ts';
import type { Dentry, Inode, Mount, Path } from '../landlock/world.ts';
import { has, type Profile } from './switches.ts';

/** The flag of `landlock_add_rule`. */
export const ADD_RULE_NO_INHERIT = 2;

export interface SealingRule {
  readonly path: Path;
  readonly access: number;
  readonly quiet: boolean;
  readonly noInherit: boolean;
}

/** One layer with such rules. Rules on the same object unite, and one that keeps away does so for all of them. */
export interface SealingLayer {
  readonly handledFs: number;
  readonly rules: readonly SealingRule[];
}

/**
 * Adds a rule.
 *
 * @param target a path, or a port, for which the flag makes no sense.
 * @returns the layer, or EINVAL for the flag on a port or without the feature, and for rights that are not handled; ENOMSG
 *   for neither rights nor the flag
 */
export function addSealingRule(
  profile: Profile,
  layer: SealingLayer,
  target: Path | 'port',
  access: number,
  flags: number,
): Result<SealingLayer> {
  const noInherit = (flags & ADD_RULE_NO_INHERIT) !== 0;
  if (noInherit && (target === 'port' || !has(profile, 'fs.no_inherit'))) return refused('EINVAL');
  if (target === 'port') return done(layer);
  if ((access & ~layer.handledFs) !== 0) return refused('EINVAL');
  if (access === 0 && !noInherit) return refused('ENOMSG');
  return done({
    ...layer,
    rules: [...layer.rules, { path: target, access, quiet: (flags & 1) !== 0, noInherit }],
  });
}

/** The object and all directories above it, through mounts, up to the root. */
export function* above({ mount: from, dentry: at }: Path): Generator<Dentry> {
  let mount: Mount = from;
  let dentry: Dentry = at;
  for (;;) {
    yield dentry;
    while (dentry === mount.root) {
      if (mount.parent === null || mount.mountpoint === null) return;
      dentry = mount.mountpoint;
      mount = mount.parent;
    }
    // A directory that lost its way to the mount's root goes on from that root.
    dentry = dentry.parent ?? mount.root;
  }
}

/** What one layer lacks for an access, and whether a quiet mark was met. */
export function sealedMissing(
  layer: SealingLayer,
  path: Path,
  access: number,
): { readonly missing: number; readonly quiet: boolean } {
  const refer = 1 << FS_RIGHTS['fs.refer'].bit;
  let missing = access & (layer.handledFs | refer);
  let quiet = false;
  for (const { inode } of above(path)) {
    const here = layer.rules.filter((rule) => inode !== null && rule.path.dentry.inode === inode);
    for (const rule of here) {
      missing &= ~rule.access;
      quiet ||= rule.quiet;
    }
    if (here.some((rule) => rule.noInherit)) break;
  }
  return { missing, quiet };
}

/** The answer for a stack: the youngest layer that lacks something. */
export type SealingDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly errno: 13; readonly layer: number; readonly missing: number };

/** Decides an access by all layers. */
export function decideSealed(layers: readonly SealingLayer[], path: Path, access: number): SealingDecision {
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    const { missing } = sealedMissing(layers[layer]!, path, access);
    if (missing !== 0) return { allowed: false, errno: 13, layer, missing };
  }
  return { allowed: true };
}

/**
 * Whether a layer forbids to rename, remove or link an entry, whatever it grants: it names an object that keeps grants
 * away, or a directory above one. Identity is the inode, so another mount of it makes no difference.
 */
export function decideEntry(layers: readonly SealingLayer[], entry: Dentry): SealingDecision {
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    if (layers[layer]!.rules.some((rule) => rule.noInherit && holds(rule.path, entry.inode))) {
      return { allowed: false, errno: 13, layer, missing: 0 };
    }
  }
  return { allowed: true };
}

function holds(path: Path, inode: Inode | null): boolean {
  for (let dentry: Dentry | null = path.dentry; dentry !== null; dentry = dentry.parent) {
    if (inode !== null && dentry.inode === inode) return true;
    if (dentry === path.mount.root) return false;
  }
  return false;
}

/** A grant without the flag. */
export interface PlainGrant {
  readonly dentry: Dentry;
  readonly access: number;
}

/**
 * The same layer for a kernel without the flag, for one file system as it is now: grants above a sealed object are given
 * to its siblings instead. Directories on the way lose the grant for themselves, and names made later have none: the
 * result never gives more than the layer.
 *
 * @param children the entries of a directory as they are now.
 */
export function expandSealed(
  layer: SealingLayer,
  root: Dentry,
  children: (directory: Dentry) => readonly Dentry[],
): PlainGrant[] {
  const sealed = new Set<Inode>();
  const onTheWay = new Set<Inode>();
  const access = new Map<Inode, number>();
  for (const { path, noInherit, access: given } of layer.rules) {
    const inode = path.dentry.inode!;
    access.set(inode, (access.get(inode) ?? 0) | given);
    if (!noInherit) continue;
    sealed.add(inode);
    for (let up = path.dentry.parent; up !== null; up = up.parent) onTheWay.add(up.inode!);
  }
  const grants: PlainGrant[] = [];
  const visit: { dentry: Dentry; inherited: number; given: number }[] = [
    { dentry: root, inherited: 0, given: 0 },
  ];
  for (let next = visit.pop(); next !== undefined; next = visit.pop()) {
    const inode = next.dentry.inode!;
    const total = (sealed.has(inode) ? 0 : next.inherited) | (access.get(inode) ?? 0);
    const spread = onTheWay.has(inode);
    const fresh = spread ? 0 : total & ~next.given;
    if (fresh !== 0) grants.push({ dentry: next.dentry, access: fresh });
    const below = { inherited: total, given: next.given | fresh };
    for (const child of children(next.dentry)) visit.push({ dentry: child, ...below });
  }
  return grants;
}
