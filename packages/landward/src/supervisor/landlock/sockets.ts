/**
 * In which domain each UNIX socket was made, without asking about `socket`: when a process changes its domain, the sockets
 * that it holds and nobody knows yet are written down with the domain that it had; a socket that is met unknown was made in
 * the domain that its user has now.
 *
 * Owns this bookkeeping. What follows from it is the model's.
 */

import type { Domain } from '../../model/landlock/index.ts';
import { heldSockets, socketsOf } from '../sockets/held.ts';

/** How many sockets are remembered before those that nobody holds any more are looked for. */
const SWEEP_AT = 8192;

export class SocketCreators {
  readonly #creators = new Map<bigint, Domain | null>();
  #sweepAt = SWEEP_AT;

  /** Writes down the sockets that a process holds, with the domain that it is about to leave. */
  remember(pid: number, domain: Domain | null): void {
    for (const ino of socketsOf(pid)) this.met(ino, domain);
  }

  /** A socket was made in a domain. */
  made(ino: bigint, domain: Domain | null): void {
    this.#creators.delete(ino);
    this.met(ino, domain);
  }

  /** A socket was used by a thread of a domain. */
  met(ino: bigint, domain: Domain | null): void {
    if (this.#creators.has(ino)) return;
    if (this.#creators.size >= this.#sweepAt) this.#sweep();
    this.#creators.set(ino, domain);
  }

  /** Forgets sockets that no process holds. One that is on its way in a message is forgotten too soon: see `creator`. */
  #sweep(): void {
    const held = heldSockets();
    for (const ino of this.#creators.keys()) if (!held.has(ino)) this.#creators.delete(ino);
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#creators.size);
  }

  /**
   * The domain in which a socket was made: as written down, else that of who holds it. Of several holders the one with the
   * fewest layers counts, since the others have it from there; a socket that nobody of the run holds is from outside.
   *
   * @param holders the processes of the run, and the domain of each
   */
  creator(ino: bigint, holders: Iterable<readonly [pid: number, domain: Domain | null]>): Domain | null {
    const known = this.#creators.get(ino);
    if (known !== undefined) return known;
    let found: Domain | null | undefined;
    for (const [pid, domain] of holders) {
      if (found === null || (found !== undefined && depth(domain) >= depth(found))) continue;
      for (const held of socketsOf(pid)) if (held === ino) found = domain;
    }
    return found ?? null;
  }
}

function depth(domain: Domain | null): number {
  return domain?.layers.length ?? 0;
}
