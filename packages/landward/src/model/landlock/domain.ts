/**
 * Domains: the immutable stack of layers that a thread carries, with one node of identity for each layer, and the
 * credential that holds it. A domain is a snapshot: nothing changes it after it was made.
 *
 * Making one with all the checks of `landlock_restrict_self` is `restrict.ts`; deciding is the other files.
 */

import { ACCESS_INITIALLY_DENIED } from '../../uapi/masks.ts';
import type { RuleList, Ruleset } from './ruleset.ts';
import type { Inode } from './world.ts';

/** When denials of a layer are logged; `disabled` for good. */
export interface LogFlags {
  readonly sameExec: boolean;
  readonly newExec: boolean;
  readonly disabled: boolean;
}

/** The identity of a layer: what ptrace and scopes compare. Two nodes are the same layer exactly if they are one object. */
export interface Node {
  readonly parent: Node | null;
  /** 0 for the outermost layer. */
  readonly depth: number;
  /** The domain identifier, where the kernel numbers them. */
  readonly id: bigint | null;
  readonly log: LogFlags;
}

/** What a layer handles. */
export interface Layer {
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  readonly quietFs: number;
  readonly quietNet: number;
  readonly quietScoped: number;
  readonly node: Node;
}

/**
 * The rules on one object, one word a layer: rights in bits 0-16, quiet in bit 17, the layer's index from bit 18.
 */
export type Grants = readonly number[];

/** The space that a decision works in, so that deciding allocates nothing. Its content has no meaning between decisions. */
export interface Scratch {
  /** Rights still missing, a word a layer. */
  readonly missing: Uint32Array;
  /** Layers that met a quiet mark. */
  quiet: number;
}

export interface Domain {
  /** Oldest first, 1 to 16 (64 on ABI 1). */
  readonly layers: readonly Layer[];
  /** The youngest layer's node. */
  readonly node: Node;
  readonly paths: ReadonlyMap<Inode, Grants>;
  readonly ports: ReadonlyMap<number, Grants>;
  /** Union of what the layers handle. */
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  /** What each layer denies unless granted: handled rights, and refer always. */
  readonly denies: Uint32Array;
  readonly scratch: Scratch;
}

/** What a thread carries. Forks share it; `execve` clears `sameExec`. */
export interface Credential {
  readonly domain: Domain | null;
  /** Layers whose enforcing program still runs, a bit each. */
  readonly sameExec: number;
  /** Layers made from now on do not log. */
  readonly subdomainsMuted: boolean;
}

/** A thread that never restricted itself. */
export const UNRESTRICTED: Credential = { domain: null, sameExec: 0, subdomainsMuted: false };

const ACCESS_BITS = 0x1ffff;
const QUIET_BIT = 1 << 17;
const LAYER_SHIFT = 18;

/** The rights that a word of `Grants` gives. */
export function grantedAccess(word: number): number {
  return word & ACCESS_BITS;
}

/** The index of the layer that a word of `Grants` belongs to. */
export function grantedLayer(word: number): number {
  return word >>> LAYER_SHIFT;
}

/** Whether a word of `Grants` carries the quiet mark. */
export function grantedQuietly(word: number): boolean {
  return (word & QUIET_BIT) !== 0;
}

/** Stacks a ruleset as the youngest layer. Costs the number of rules, as in the kernel. */
export function stack(
  parent: Domain | null,
  ruleset: Ruleset,
  identity: { readonly id: bigint | null; readonly log: LogFlags },
): Domain {
  const depth = parent === null ? 0 : parent.layers.length;
  const node: Node = { parent: parent?.node ?? null, depth, ...identity };
  const { handledFs, handledNet, scoped, quietFs, quietNet, quietScoped } = ruleset;
  const layers = [
    ...(parent?.layers ?? []),
    { handledFs, handledNet, scoped, quietFs, quietNet, quietScoped, node },
  ];
  const paths = new Map<Inode, Grants>(parent?.paths);
  const ports = new Map<number, Grants>(parent?.ports);
  for (let rule: RuleList | null = ruleset.rules; rule !== null; rule = rule.before) {
    const word = (depth << LAYER_SHIFT) | (rule.quiet ? QUIET_BIT : 0) | rule.access;
    if (rule.kind === 'path') paths.set(rule.inode, joined(paths.get(rule.inode), word));
    else ports.set(rule.port, joined(ports.get(rule.port), word));
  }
  return {
    layers,
    node,
    paths,
    ports,
    handledFs: layers.reduce((mask, layer) => mask | layer.handledFs, 0),
    handledNet: layers.reduce((mask, layer) => mask | layer.handledNet, 0),
    scoped: layers.reduce((mask, layer) => mask | layer.scoped, 0),
    denies: Uint32Array.from(layers, (layer) => layer.handledFs | ACCESS_INITIALLY_DENIED),
    scratch: { missing: new Uint32Array(layers.length), quiet: 0 },
  };
}

/**
 * What a layer of a domain was made of, for a copy of it: with the rules that it has, in no order that means anything.
 *
 * @param depth the layer's index.
 */
export function rulesetOf(domain: Domain, depth: number): Ruleset {
  const { node: _, ...handled } = domain.layers[depth]!;
  let rules: RuleList | null = null;
  let version = 0;
  const own = (grants: Grants) => grants.find((word) => grantedLayer(word) === depth);
  const said = (word: number) => ({ access: grantedAccess(word), quiet: grantedQuietly(word) });
  for (const [inode, grants] of domain.paths) {
    const word = own(grants);
    if (word === undefined) continue;
    rules = { kind: 'path', inode, ...said(word), before: rules };
    version++;
  }
  for (const [port, grants] of domain.ports) {
    const word = own(grants);
    if (word === undefined) continue;
    rules = { kind: 'port', port, ...said(word), before: rules };
    version++;
  }
  return { ...handled, rules, version, id: null };
}

/** One more word; the youngest layer has at most one, in which rules on the same object unite. */
function joined(grants: Grants | undefined, word: number): Grants {
  if (grants === undefined) return [word];
  const last = grants[grants.length - 1]!;
  return grantedLayer(last) === grantedLayer(word)
    ? [...grants.slice(0, -1), last | word]
    : [...grants, word];
}

/** The credential of a forked child or a new thread: the parent's. */
export function forked(credential: Credential, mutedSurvives: boolean): Credential {
  return credential.domain === null && !mutedSurvives ? UNRESTRICTED : credential;
}

/** The credential after a successful `execve`: the same domain, in which no layer's enforcing program runs any more. */
export function executed(credential: Credential): Credential {
  return { ...credential, sameExec: 0 };
}

/** Whether `below` carries every layer of `above`: the same domain or a nested one. */
export function isSameOrNested(above: Domain, below: Domain | null): boolean {
  for (let node = below?.node ?? null; node !== null; node = node.parent)
    if (node === above.node) return true;
  return false;
}
