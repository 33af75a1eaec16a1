/**
 * Decisions and their blame: allowed, or an errno with the youngest denying layer, what it lacks, the complete list of
 * layers that lack something, and whether the kernel would log it.
 *
 * Owns the shapes and how a denial is attributed. What is allowed is decided by the files beside this one.
 */

import { ERRNO } from '../../uapi/errno.ts';
import type { FsRight, NetRight, Scope } from '../../uapi/landlock.ts';
import { fsRights, netRights, scopes } from '../../uapi/masks.ts';
import type { Behaviour } from './behaviour.ts';
import type { Domain, Node } from './domain.ts';
import type { Errname } from './result.ts';
import type { Dentry, InetSocket, Mount, Path, Task, UnixSocket } from './world.ts';

/** What a denial is about; blockers are spelled as the kernel's audit does. */
export type Blocker = FsRight | NetRight | Scope | 'fs.change_topology' | 'ptrace';

/** The kinds of rights: each has masks of its own. */
export type Class = 'fs' | 'net' | 'scope' | 'topology' | 'ptrace';

/** The object of a denial. */
export type Subject =
  | { readonly kind: 'path'; readonly path: Path; readonly ioctl?: number }
  | { readonly kind: 'mount'; readonly mount: Mount; readonly root: Dentry }
  | { readonly kind: 'task'; readonly task: Task }
  | { readonly kind: 'port'; readonly port: number | null; readonly socket: InetSocket }
  | { readonly kind: 'socket'; readonly socket: UnixSocket };

/** A layer and what it lacks. */
export interface Lack {
  /** 0 for the oldest layer. */
  readonly layer: number;
  readonly node: Node;
  /** A mask of the class; 0 for topology and ptrace, which are not rights. */
  readonly missing: number;
}

/** One denial, as the kernel records it: it names the youngest denying layer only. */
export interface Denial extends Lack {
  readonly class: Class;
  readonly object: Subject;
  /** Every layer that denies, oldest first. */
  readonly complete: readonly Lack[];
  /** Whether an enabled audit would write it. */
  readonly logged: boolean;
  /** Whether it counts as a denial of the blamed layer. */
  readonly counted: boolean;
}

export interface Denied {
  readonly allowed: false;
  readonly errno: number;
  /** One, or up to two where a rename or link fails at both ends (source first); none where Landlock refuses without blame. */
  readonly denials: readonly Denial[];
}

export type Decision = { readonly allowed: true } | Denied;

/** Landlock has no objection. */
export const ALLOWED: Decision = { allowed: true };

/** Refuses with an errno for which no layer is blamed, such as an address that can't be read. */
export function refuse(name: Errname): Denied {
  return { allowed: false, errno: ERRNO[name], denials: [] };
}

/** Refuses, blaming a layer. */
export function denied(name: Errname, ...denials: readonly Denial[]): Denied {
  return { allowed: false, errno: ERRNO[name], denials };
}

/** The names of what a denial lacks, in the order in which audit prints them. */
export function blockers(denial: Denial): Blocker[] {
  switch (denial.class) {
    case 'fs':
      return fsRights(denial.missing);
    case 'net':
      return netRights(denial.missing);
    case 'scope':
      return scopes(denial.missing);
    case 'topology':
      return ['fs.change_topology'];
    case 'ptrace':
      return ['ptrace'];
  }
}

/** Who asks, as far as logging goes. */
export interface Asker {
  readonly behaviour: Behaviour;
  readonly domain: Domain;
  readonly sameExec: number;
}

/** Attributes a denial that is known as a matrix: the youngest layer that lacks something of `request`. */
export function blame(
  asker: Asker,
  what: { readonly class: 'fs' | 'net'; readonly request: number; readonly object: Subject },
  matrix: Uint32Array,
  quietLayers: number,
): Denial | null {
  const complete: Lack[] = [];
  asker.domain.layers.forEach((layer, index) => {
    const missing = matrix[index]! & what.request;
    if (missing !== 0) complete.push({ layer: index, node: layer.node, missing });
  });
  const youngest = complete.at(-1);
  if (youngest === undefined) return null;
  const layer = asker.domain.layers[youngest.layer]!;
  const quietMask = what.class === 'fs' ? layer.quietFs : layer.quietNet;
  const quiet = (youngest.missing & ~quietMask) === 0 && (quietLayers & (1 << youngest.layer)) !== 0;
  return {
    ...youngest,
    class: what.class,
    object: what.object,
    complete,
    ...recorded(asker, youngest, quiet),
  };
}

/** Attributes a denial that layers either make or not: the youngest of `layers`, which must not be empty. */
export function blameLayers(
  asker: Asker,
  what: { readonly class: Class; readonly request: number; readonly object: Subject },
  layers: readonly number[],
): Denial {
  const complete = layers.map((layer) => ({
    layer,
    node: asker.domain.layers[layer]!.node,
    missing: what.request,
  }));
  const youngest = complete.at(-1)!;
  const quietMask = what.class === 'scope' ? asker.domain.layers[youngest.layer]!.quietScoped : 0;
  const quiet = what.class === 'scope' && (what.request & ~quietMask) === 0;
  return {
    ...youngest,
    class: what.class,
    object: what.object,
    complete,
    ...recorded(asker, youngest, quiet),
  };
}

/** Whether a denial that is blamed on a layer is written and counted. */
export function recorded(
  asker: Asker,
  lack: Lack,
  quiet: boolean,
): { readonly logged: boolean; readonly counted: boolean } {
  const { disabled, sameExec, newExec } = lack.node.log;
  const phase = (asker.sameExec & (1 << lack.layer)) !== 0 ? sameExec : newExec;
  return { logged: !disabled && !quiet && phase, counted: !disabled || asker.behaviour.knobs.countsMuted };
}
