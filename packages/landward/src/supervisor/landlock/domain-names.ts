/**
 * The names of domains: which thread made each, and how many it had made before.
 *
 * Owns who made what. How a name reads to somebody is `model/landlock/disclosure`. A name is for people and tests, and the
 * number of a thread comes to mean another one: two domains are the same where their nodes are, whatever they are called.
 */

import {
  type Creator,
  type DomainName,
  HIDDEN_NAME,
  type Node,
  nextName,
  type PidNamespace,
  readName,
} from '../../model/landlock/index.ts';
import { depthOf, type PidNamespaces } from '../processes/namespaces.ts';

export class DomainNames {
  readonly #namespaces: PidNamespaces;
  readonly #of = new WeakMap<Node, DomainName>();
  /** By the maker's number here: the names of the domains that are still there. */
  readonly #names = new Map<number, Set<DomainName>>();
  readonly #gone = new FinalizationRegistry<{ readonly tid: number; readonly name: DomainName }>(
    ({ tid, name }) => {
      const names = this.#names.get(tid);
      names?.delete(name);
      if (names?.size === 0) this.#names.delete(tid);
    },
  );

  constructor(namespaces: PidNamespaces) {
    this.#namespaces = namespaces;
  }

  /** The name of a domain; `null` where its maker could not be looked at. */
  of(node: Node): DomainName | null {
    return this.#of.get(node) ?? null;
  }

  /** The name as this process's own PID namespace has it. */
  shown(node: Node): string {
    const name = this.of(node);
    return name === null ? HIDDEN_NAME : readName(name, this.#namespaces.own);
  }

  /**
   * A thread has made a domain.
   *
   * @param tids its numbers, that of this process's namespace first
   */
  enforced(node: Node, tid: number, tids: readonly number[]): void {
    const creator = creatorOf(this.#namespaces.of(tid), tids);
    // Whoever had the number before counts as this one, so that no two domains have one name at a time.
    const before = [...(this.#names.get(tid) ?? [])].map((name) => ({ ...name, creator }));
    this.#keep(node, tid, nextName(creator, before));
  }

  /** A domain is made again as it was. */
  restore(
    node: Node,
    { tids, version }: { readonly tids: readonly number[]; readonly version: number },
  ): void {
    const tid = tids[0] ?? 0;
    // Namespaces are not restored: the number in this one is what is known.
    const creator = creatorOf(this.#namespaces.own, [tid]);
    this.#keep(node, tid, { creator, version });
  }

  #keep(node: Node, tid: number, name: DomainName): void {
    this.#of.set(node, name);
    const names = this.#names.get(tid) ?? new Set();
    names.add(name);
    this.#names.set(tid, names);
    this.#gone.register(node, { tid, name });
  }
}

/** @param tids the thread's numbers, that of this process's namespace first */
function creatorOf(namespace: PidNamespace, tids: readonly number[]): Creator {
  return { namespace, tid: (reader) => tids[depthOf(reader)] ?? 0 };
}

/** The name of what was put on by somebody in this process's own namespace. */
export function ownName(namespaces: PidNamespaces, tid: number): DomainName {
  return { creator: creatorOf(namespaces.own, [tid]), version: 0 };
}
