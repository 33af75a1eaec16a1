/**
 * Who made each socket of a run, by the kernel's cookie, which is the same through every descriptor, dup, fork and message,
 * and is never given to another socket.
 *
 * Owns the registry and what may be concluded from it. That a socket was made inside is never forgotten (a bit a cookie); by
 * whom is, once nobody holds it: then, as where a making was not seen, each question takes the strict side. What a creator is,
 * is the caller's.
 */

import { heldSockets } from './held.ts';

/** How many sockets are remembered before those that nobody holds any more are looked for. */
const SWEEP_AT = 65_536;
/** Cookies are given in rows: as many share one page of bits. */
const PAGE_BITS = 16n;

/**
 * What is known of a socket. `unknown`: it may have been made inside by whomever, or come from outside. Whoever asks has to
 * take what is stricter.
 */
export type SocketOrigin<Creator> =
  | { readonly kind: 'inside'; readonly creator: Creator }
  | { readonly kind: 'outside' }
  | { readonly kind: 'unknown' };

const OUTSIDE = { kind: 'outside' } as const;
const UNKNOWN = { kind: 'unknown' } as const;

interface Known<Creator> {
  /** `null` for a socket from outside. */
  readonly creator: Creator | null;
  /** The number under which procfs shows it. */
  readonly ino: bigint;
}

export interface SocketIdentitiesOptions {
  /** How many sockets are remembered before the registry is swept. */
  readonly sweepAt?: number;
  /** The inodes of all sockets that some process holds. */
  readonly held?: () => ReadonlySet<bigint>;
}

/** The sockets of one run, with who made each. */
export class SocketIdentities<Creator> implements Disposable {
  readonly #known = new Map<bigint, Known<Creator>>();
  /** The cookies of all sockets that were ever made inside. */
  readonly #ever = new Map<bigint, Uint8Array>();
  readonly #least: number;
  readonly #held: () => ReadonlySet<bigint>;
  #sweepAt: number;
  #complete = true;

  constructor({ sweepAt = SWEEP_AT, held = heldSockets }: SocketIdentitiesOptions = {}) {
    this.#least = sweepAt;
    this.#sweepAt = sweepAt;
    this.#held = held;
  }

  /** How many sockets are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * A socket was made inside. To be told before any program can have it.
   *
   * @param ino its inode, by which it is found again among the descriptors of processes
   */
  made(cookie: bigint, ino: bigint, creator: Creator): void {
    const page = this.#ever.get(cookie >> PAGE_BITS) ?? new Uint8Array(1 << (Number(PAGE_BITS) - 3));
    this.#ever.set(cookie >> PAGE_BITS, page);
    const bit = Number(BigInt.asUintN(Number(PAGE_BITS), cookie));
    page[bit >> 3]! |= 1 << (bit & 7);
    this.#put(cookie, { creator, ino });
  }

  /** A socket is in use. One that comes from outside for sure is remembered as such, whatever is lost later. */
  met(cookie: bigint, ino: bigint): void {
    if (this.of(cookie).kind === 'outside') this.#put(cookie, { creator: null, ino });
  }

  /** Where a socket comes from. */
  of(cookie: bigint): SocketOrigin<Creator> {
    const known = this.#known.get(cookie);
    if (known === undefined) return this.#complete && !this.#wasMade(cookie) ? OUTSIDE : UNKNOWN;
    return known.creator === null ? OUTSIDE : { kind: 'inside', creator: known.creator };
  }

  /** Sockets may have been made that nobody told of: from now on a socket that is not known may be any. */
  lose(): void {
    this.#complete = false;
  }

  #wasMade(cookie: bigint): boolean {
    const bit = Number(BigInt.asUintN(Number(PAGE_BITS), cookie));
    return ((this.#ever.get(cookie >> PAGE_BITS)?.[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }

  #put(cookie: bigint, known: Known<Creator>): void {
    if (this.#known.size >= this.#sweepAt) this.#sweep();
    this.#known.set(cookie, known);
  }

  /** Forgets sockets that no process holds, or that look so: one on its way in a message, or handed on during the look. */
  #sweep(): void {
    const held = this.#held();
    for (const [cookie, { ino, creator }] of this.#known)
      if (!held.has(ino) && (creator !== null || this.#complete)) this.#known.delete(cookie);
    this.#sweepAt = Math.max(this.#least, 2 * this.#known.size);
  }

  [Symbol.dispose](): void {
    this.#known.clear();
    this.#ever.clear();
    this.#complete = false;
  }
}
