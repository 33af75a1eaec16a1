/**
 * What a layer handles and grants, as a value: path, port and system-call rules alike, edits to it, and whether one
 * content gives less than another by meaning. Who may edit and when it counts is `world.ts`.
 */

import { done, type Result, refused } from '../landlock/result.ts';
import type { Inode } from '../landlock/world.ts';

/** Handled rights and what is granted of them. Immutable. */
export interface Content {
  readonly handledFs: number;
  readonly handledNet: number;
  /** Whether the layer filters system calls; those not granted are denied. */
  readonly handledCalls: boolean;
  readonly paths: ReadonlyMap<Inode, number>;
  readonly ports: ReadonlyMap<number, number>;
  readonly calls: ReadonlySet<number>;
}

/** A content that handles nothing and grants nothing. */
export const EMPTY: Content = {
  handledFs: 0,
  handledNet: 0,
  handledCalls: false,
  paths: new Map(),
  ports: new Map(),
  calls: new Set(),
};

/** What is asked. `chain` is the object and then its ancestors up to the root. */
export type LayerRequest =
  | { readonly kind: 'path'; readonly chain: readonly Inode[]; readonly access: number }
  | { readonly kind: 'port'; readonly port: number; readonly access: number }
  | { readonly kind: 'call'; readonly number: number };

/** A rule. */
export type ContentRule =
  | { readonly kind: 'path'; readonly inode: Inode; readonly access: number }
  | { readonly kind: 'port'; readonly port: number; readonly access: number }
  | { readonly kind: 'call'; readonly number: number };

/** One edit. A list of edits counts as a whole or not at all. */
export type Edit =
  | { readonly kind: 'add' | 'intersect' | 'remove' | 'replace'; readonly rule: ContentRule }
  /** Further rights to handle; handled ones cannot be given up. */
  | { readonly kind: 'handle'; readonly fs?: number; readonly net?: number; readonly calls?: boolean };

/** The granted part of a request, not looking at what is handled; for a system call 1 or 0. */
export function granted(content: Content, request: LayerRequest): number {
  switch (request.kind) {
    case 'path':
      return (
        request.chain.reduce((mask, inode) => mask | (content.paths.get(inode) ?? 0), 0) & request.access
      );
    case 'port':
      return (content.ports.get(request.port) ?? 0) & request.access;
    case 'call':
      return content.calls.has(request.number) ? 1 : 0;
  }
}

/** The handled part of a request. */
export function asked(content: Content, request: LayerRequest): number {
  switch (request.kind) {
    case 'path':
      return request.access & content.handledFs;
    case 'port':
      return request.access & content.handledNet;
    case 'call':
      return content.handledCalls ? 1 : 0;
  }
}

/**
 * Applies edits.
 *
 * `add` unites with a rule on the same object; `intersect` keeps the common rights of an existing rule, removes it where
 * none is left, and does nothing where there is no rule; `remove` drops the rule on the object; `replace` sets it.
 *
 * @returns the new content, or EINVAL for rights that are not handled, ENOMSG for a rule without rights
 */
export function edit(content: Content, edits: readonly Edit[]): Result<Content> {
  let { handledFs, handledNet, handledCalls } = content;
  const paths = new Map(content.paths);
  const ports = new Map(content.ports);
  const calls = new Set(content.calls);
  for (const one of edits) {
    if (one.kind === 'handle') {
      handledFs |= one.fs ?? 0;
      handledNet |= one.net ?? 0;
      handledCalls ||= one.calls ?? false;
      continue;
    }
    const { kind, rule } = one;
    const gives = kind === 'add' || kind === 'replace';
    if (rule.kind === 'call') {
      if (gives && !handledCalls) return refused('EINVAL');
      if (gives) calls.add(rule.number);
      else if (kind === 'remove') calls.delete(rule.number);
      continue;
    }
    const handled = rule.kind === 'path' ? handledFs : handledNet;
    if (gives && (rule.access & ~handled) !== 0) return refused('EINVAL');
    if (kind === 'add' && rule.access === 0) return refused('ENOMSG');
    if (rule.kind === 'path') change(paths, rule.inode, kind, rule.access);
    else change(ports, rule.port, kind, rule.access);
  }
  return done({ handledFs, handledNet, handledCalls, paths, ports, calls });
}

function change<K>(rules: Map<K, number>, key: K, kind: Edit['kind'], access: number): void {
  const before = rules.get(key) ?? 0;
  const after =
    kind === 'add'
      ? before | access
      : kind === 'intersect'
        ? before & access
        : kind === 'replace'
          ? access
          : 0;
  if (after === 0) rules.delete(key);
  else rules.set(key, after);
}

/** All ways from an object up to the root: one for each place that it has in the tree. */
export type Chains = (inode: Inode) => readonly (readonly Inode[])[];

/**
 * Whether everything that `next` allows, `before` allows too, judged by meaning in the tree as it is: a new rule on a
 * child whose parent grants the same is no gain, a dropped handled right is one.
 */
export function isStricter(next: Content, before: Content, chains: Chains): boolean {
  if ((before.handledFs & ~next.handledFs) !== 0 || (before.handledNet & ~next.handledNet) !== 0)
    return false;
  if (before.handledCalls && !next.handledCalls) return false;
  for (const [inode, access] of next.paths) {
    const wanted = access & before.handledFs;
    for (const chain of chains(inode)) {
      if (granted(before, { kind: 'path', chain, access: wanted }) !== wanted) return false;
    }
  }
  for (const [port, access] of next.ports) {
    const wanted = access & before.handledNet;
    if (granted(before, { kind: 'port', port, access: wanted }) !== wanted) return false;
  }
  if (before.handledCalls) {
    for (const number of next.calls) if (!before.calls.has(number)) return false;
  }
  return true;
}
