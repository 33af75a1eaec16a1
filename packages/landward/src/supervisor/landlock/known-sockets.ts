/**
 * What a run knows of its sockets beyond what the kernel tells: under which credential each was made, which are locked for
 * good, and which were handed to others.
 *
 * Owns the keeping, by cookie. What follows from it is the model's.
 */

import { type Credential, UNRESTRICTED } from '../../model/landlock/index.ts';
import type { NetSocket } from '../../model/sockets/index.ts';
import type { SocketRef } from '../authority.ts';
import { SocketIdentities } from '../sockets/identity.ts';

/** Locks, and sockets that were passed on, that one run may have at a time. */
const MOST = 262_144;

export class KnownSockets implements Disposable {
  readonly #identities = new SocketIdentities<Credential>();
  readonly #locked = new Set<bigint>();
  readonly #passed = new Set<bigint>();
  #anyPassed = false;

  /** Whether any socket is locked. */
  get hasLocks(): boolean {
    return this.#locked.size > 0;
  }

  /**
   * A socket was made, or given another credential.
   *
   * @param creator with whose program is looked up now: the thread can be gone when it is asked about
   */
  made(cookie: bigint, ino: bigint, { domain, sameExec, subdomainsMuted }: Credential): void {
    this.#identities.made(cookie, ino, { domain, sameExec, subdomainsMuted });
  }

  /** A socket is in use that may be from outside. */
  met(cookie: bigint, ino: bigint): void {
    this.#identities.met(cookie, ino);
  }

  /** Sockets may have been made that nobody has told of. */
  lose(): void {
    this.#identities.lose();
  }

  /** Whether a socket was made inside of this run, for sure. */
  isInside(cookie: bigint): boolean {
    return this.#identities.of(cookie).kind === 'inside';
  }

  /** A socket as the model takes it. */
  socket(ref: SocketRef): NetSocket {
    const { cookie, inet, state, port, peer } = ref;
    const origin = this.#identities.of(cookie);
    return {
      inet,
      creator: origin.kind === 'inside' ? origin.creator : UNRESTRICTED,
      ...(origin.kind === 'unknown' ? { unknown: true as const } : {}),
      state,
      port,
      peer,
      locked: this.#locked.has(cookie),
    };
  }

  /** Locks a socket. @returns whether there was room */
  lock(cookie: bigint): boolean {
    if (this.#locked.size >= MOST && !this.#locked.has(cookie)) return false;
    this.#locked.add(cookie);
    return true;
  }

  /** A socket was handed to somebody, who may hold it where nobody can see it. */
  passed(cookie: bigint): void {
    if (this.#passed.size < MOST) this.#passed.add(cookie);
    else this.#anyPassed = true;
  }

  /** Whether a socket was ever handed on, as far as is known. */
  wasPassed(cookie: bigint): boolean {
    return this.#anyPassed || this.#passed.has(cookie);
  }

  [Symbol.dispose](): void {
    this.#identities[Symbol.dispose]();
  }
}
