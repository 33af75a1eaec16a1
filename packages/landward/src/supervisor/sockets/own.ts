/**
 * The UNIX sockets that a run has bound itself. Landlock leaves a domain's own sockets reachable for it; so does a run.
 *
 * Owns the list. A socket is known by its cookie, which the kernel gives once; those that are gone are forgotten when many
 * have come.
 */

import { attempt } from '../../kernel/call.ts';
import { AT } from '../../uapi/open.ts';
import type { Call } from '../call.ts';
import type { Holder } from './peers.ts';

const KEY = Symbol('own sockets');
const MOST = 65_536;
const STATX_INO = 0x100;
const stat = new DataView(new ArrayBuffer(256));

/** Sockets that a run has bound. */
export class OwnSockets implements Disposable {
  readonly #cookies = new Set<bigint>();

  /** A socket was bound. One without a cookie is not the run's as far as anybody can tell. */
  add(cookie: bigint | null): void {
    if (cookie === null) return;
    this.#cookies.delete(cookie);
    this.#cookies.add(cookie);
    if (this.#cookies.size > MOST) this.#cookies.delete(this.#cookies.values().next().value!);
  }

  /** Whether there are holders, and all of them are the run's. */
  holdsAll(holders: readonly Pick<Holder, 'cookie'>[]): boolean {
    return holders.length > 0 && holders.every(({ cookie }) => this.#cookies.has(cookie));
  }

  [Symbol.dispose](): void {
    this.#cookies.clear();
  }
}

/** The sockets that the run of a call has bound. */
export function ownSockets(call: Call): OwnSockets {
  return call.run.state(KEY, () => new OwnSockets());
}

/** The inode of a socket; 0 where it cannot be told. */
export function inodeOf(fd: number): bigint {
  const result = attempt('statx', fd, Uint8Array.of(0), AT.EMPTY_PATH, STATX_INO, stat);
  return result < 0 ? 0n : stat.getBigUint64(32, true);
}
