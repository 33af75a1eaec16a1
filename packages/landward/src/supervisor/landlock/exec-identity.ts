/**
 * Which execution of a program a thread is in: forks share it, every `execve` makes a new one. Landlock logs by it: a
 * layer distinguishes the program that enforced it from those executed later.
 *
 * Owns the identity: the addresses and random bytes that `execve` leaves in the auxiliary vector. It serves logs only,
 * never a decision.
 */

import type { Domain, Node } from '../../model/landlock/index.ts';
import { readProc } from '../target/proc.ts';

/** The identity of a thread's program; empty where it cannot be told. */
export function programOf(tid: number): string {
  const bytes = readProc(`/proc/${tid}/auxv`, 1024);
  return bytes === null ? '' : Buffer.from(bytes).toString('base64');
}

/** Remembers in which program each layer was enforced. */
export class Programs {
  readonly #of = new WeakMap<Node, string>();

  /** The layer was enforced by this thread. */
  enforced(node: Node, tid: number): void {
    this.#of.set(node, programOf(tid));
  }

  /** The layers of a domain whose program a thread still runs, a bit each. */
  sameExec(domain: Domain | null, tid: number): number {
    if (domain === null) return 0;
    const now = programOf(tid);
    return domain.layers.reduce(
      (bits, { node }, index) => (now !== '' && this.#of.get(node) === now ? bits | (1 << index) : bits),
      0,
    );
  }
}
