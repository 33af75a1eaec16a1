/**
 * The UNIX sockets that a run has bound itself. Landlock leaves a domain's own sockets reachable for it; so does a run.
 *
 * Owns the list. A socket is known by its inode, which the kernel does not give again for a long time; those that are
 * gone are forgotten when many have come.
 */

import { attempt } from '../../kernel/call.ts';
import { AT } from '../../uapi/open.ts';
import type { Call } from '../call.ts';

const KEY = Symbol('own sockets');
const MOST = 65_536;
const STATX_INO = 0x100;
const stat = new DataView(new ArrayBuffer(256));

/** Sockets that a run has bound. */
export class OwnSockets implements Disposable {
  readonly #inodes = new Set<bigint>();

  add(inode: bigint): void {
    this.#inodes.delete(inode);
    this.#inodes.add(inode);
    if (this.#inodes.size > MOST) this.#inodes.delete(this.#inodes.values().next().value!);
  }

  /** Whether there are holders, and all of them are the run's. */
  holdsAll(holders: readonly bigint[]): boolean {
    return holders.length > 0 && holders.every((inode) => this.#inodes.has(inode));
  }

  [Symbol.dispose](): void {
    this.#inodes.clear();
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
