/**
 * From effects to the path rules of one Landlock ruleset: the fewest rules that grant exactly what is safe, and the
 * siblings of carved paths where a rule asks for it.
 *
 * Owns which object gets which mask. Refuses to grant through a second name of an object that is denied.
 */

import type { Origin } from '../model/rules.ts';
import { ACCESS_FILE, fsMask } from '../uapi/masks.ts';
import { type Effect, type Effects, isFile } from './compile-effective.ts';
import { BIND_BIT, type Node, originsOf, type Tree } from './compile-tree.ts';
import type { Host, PathAccess, PathFact } from './plan.ts';

const MAKE_SOCK = fsMask('fs.make_sock');

interface Draft {
  readonly path: string;
  readonly access: number;
  readonly fact: PathFact | null;
  readonly create: boolean;
  readonly origins: readonly Origin[];
}

export interface Grants {
  readonly paths: readonly PathAccess[];
  /** Granted objects that turned out to be denied objects under another name: not granted. */
  readonly withheld: readonly { readonly path: string; readonly denied: string }[];
}

/**
 * Makes the path rules.
 *
 * @param handled the filesystem rights that the ruleset handles
 */
export function grantsOf(tree: Tree, effects: Effects, handled: number, host: Host): Grants {
  const drafts: Draft[] = [];
  emit(tree.root, 0, [], { effects, handled, drafts });
  const denied = deniedObjects(tree, effects);
  const withheld: { path: string; denied: string }[] = [];
  const paths: PathAccess[] = [];
  for (const draft of withFacts(drafts, host)) {
    const twin = draft.fact === null ? undefined : denied.get(identityOf(draft.fact));
    const cut = twin === undefined || twin.path === draft.path ? 0 : draft.access & ~twin.allowed;
    if (cut !== 0) withheld.push({ path: draft.path, denied: twin!.path });
    const access = draft.access & ~cut;
    if (access !== 0) paths.push(pathAccess({ ...draft, access }));
  }
  return { paths, withheld };
}

interface Emission {
  readonly effects: Effects;
  readonly handled: number;
  readonly drafts: Draft[];
}

function emit(node: Node, granted: number, origins: readonly Origin[], out: Emission): void {
  const effect = out.effects.of.get(node)!;
  const own = originsOf(node);
  const from = own.length > 0 ? own : origins;
  let access = accessOf(effect, out.handled) & ~granted;
  if (node.rules.length > 0 && node.fact === null && !node.create) access = 0;
  if (access !== 0) {
    out.drafts.push({ path: node.path, access, fact: node.fact, create: node.create, origins: from });
  }
  for (const child of node.children.values()) emit(child, granted | access, from, out);
}

/** What the kernel may be told to grant at a path. */
export function accessOf(effect: Effect, handled: number): number {
  return kernelAccess(effect.safe, handled);
}

/** Binding a socket to a path is making a socket for the kernel: both must be allowed. */
function kernelAccess(mask: number, handled: number): number {
  const sockets = mask & BIND_BIT ? mask : mask & ~MAKE_SOCK;
  return sockets & handled & ~BIND_BIT;
}

/** Looks at the objects that no rule named; what is gone, or is a symbolic link, gets no rule. */
function withFacts(drafts: readonly Draft[], host: Host): readonly Draft[] {
  const unknown = drafts.filter((draft) => draft.fact === null && !draft.create);
  const facts = unknown.length === 0 ? [] : host.stat(unknown.map((draft) => draft.path));
  const found = new Map(unknown.map((draft, index) => [draft, facts[index] ?? null]));
  return drafts.flatMap((draft) => {
    const fact = draft.fact ?? found.get(draft) ?? null;
    if (fact === null) return draft.create ? [draft] : [];
    if (fact.real !== draft.path) return [];
    const access = fact.type === 'directory' ? draft.access : draft.access & ACCESS_FILE;
    return access === 0 ? [] : [{ ...draft, fact, access }];
  });
}

function pathAccess(draft: Draft): PathAccess {
  const { path, access, origins, fact } = draft;
  if (fact === null) return { path, access, missing: 'create', origins };
  return { path, access, identity: { dev: fact.dev, ino: fact.ino }, missing: 'required', origins };
}

/** Objects that a strict rule names, with what the policy still allows on them. */
function deniedObjects(tree: Tree, effects: Effects): ReadonlyMap<string, { path: string; allowed: number }> {
  const denied = new Map<string, { path: string; allowed: number }>();
  const walk = (node: Node): void => {
    if (node.fact !== null && node.rules.some((rule) => rule.strict)) {
      const effect = effects.of.get(node)!;
      const allowed = isFile(node) ? effect.self : effect.safe;
      const known = denied.get(identityOf(node.fact));
      denied.set(identityOf(node.fact), { path: node.path, allowed: allowed & (known?.allowed ?? allowed) });
    }
    for (const child of node.children.values()) walk(child);
  };
  walk(tree.root);
  return denied;
}

function identityOf(fact: PathFact): string {
  return `${fact.dev}:${fact.ino}`;
}
