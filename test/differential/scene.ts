/** Small worlds and domains for tests of the model, written as literals: a tree of paths, and layers with their rules. */

import {
  addPathRule,
  addPortRule,
  type Behaviour,
  type Credential,
  createRuleset,
  type Inode,
  type InodeType,
  type Path,
  type Result,
  type Ruleset,
  type RulesetAttr,
  restrictSelf,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import type { MemoryPath } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import { MountNamespace } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import { MemoryInode, MemorySuperblock } from '../../packages/landward/src/model/landlock/memory/tree.ts';

/** A world from paths and types; parents come before children. */
export class Scene {
  readonly namespace = new MountNamespace(new MemorySuperblock('tmpfs'));

  constructor(tree: Readonly<Record<string, InodeType>> = {}) {
    for (const [path, type] of Object.entries(tree)) this.add(path, type);
  }

  /** Adds an object, or a hard link to an inode. */
  add(path: string, what: InodeType | Inode): MemoryPath {
    const slash = path.lastIndexOf('/');
    const directory = this.at(path.slice(0, slash) || '/');
    const superblock = directory.dentry.inode!.superblock;
    const inode = typeof what === 'string' ? new MemoryInode(what, superblock) : (what as MemoryInode);
    directory.dentry.add(path.slice(slash + 1), inode);
    return this.at(path);
  }

  /** What is at a path, with mounts crossed and links followed. */
  at(path: string): MemoryPath {
    const found = this.namespace.find(path, true);
    if (found.object === undefined) throw new Error(`nothing leads to ${path}`);
    return found.object;
  }
}

/** A layer as a literal. */
export interface LayerText extends RulesetAttr {
  /** `[path, rights]` or `[path, rights, 'quiet']`. */
  readonly rules?: readonly (readonly [Path, number, 'quiet'?])[];
  readonly ports?: readonly (readonly [number, number, 'quiet'?])[];
  /** Flags of restrict_self. */
  readonly flags?: number;
  readonly id?: bigint;
}

/** A ruleset from a literal. */
export function rulesetOf(behaviour: Behaviour, text: LayerText): Ruleset {
  let ruleset = value(createRuleset(behaviour, text));
  for (const [path, access, quiet] of text.rules ?? []) {
    const flags = quiet === undefined ? 0 : 1;
    ruleset = value(addPathRule(behaviour, ruleset, { access, parent: { kind: 'path', path }, flags }));
  }
  for (const [port, access, quiet] of text.ports ?? []) {
    ruleset = value(addPortRule(behaviour, ruleset, { access, port, flags: quiet === undefined ? 0 : 1 }));
  }
  return ruleset;
}

/** A credential with layers on top of another's, oldest first. */
export function confine(
  behaviour: Behaviour,
  layers: readonly LayerText[],
  from: Credential = UNRESTRICTED,
): Credential {
  return layers.reduce((credential, layer) => {
    const fd = { kind: 'ruleset', ruleset: rulesetOf(behaviour, layer), read: true, write: true } as const;
    const thread = { credential, noNewPrivs: true, sysAdmin: false };
    return value(restrictSelf(behaviour, thread, { fd, flags: layer.flags ?? 0, id: layer.id ?? null }))
      .caller.credential;
  }, from);
}

/** The value of a result that must be one. */
export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`refused with errno ${result.errno}`);
  return result.value;
}
