/**
 * Moving authority between a socket or file and the task that holds it: giving a socket the caller's credential
 * (`transition`), asking again for files that came from outside (`revalidate`), and what a new layer would break.
 */

import { fsMask } from '../../uapi/masks.ts';
import type { Behaviour } from '../landlock/behaviour.ts';
import { ALLOWED, type Decision } from '../landlock/decision.ts';
import { type Credential, isSameOrNested } from '../landlock/domain.ts';
import { accessPath } from '../landlock/files.ts';
import { done, type Result, refused } from '../landlock/result.ts';
import type { OpenFile } from '../landlock/world.ts';
import { decideSocket } from './decide.ts';
import type { SocketRules } from './modes.ts';
import type { NetSocket, SocketOperation } from './socket.ts';

/**
 * Replaces a socket's credential by the caller's, for all its descriptors.
 *
 * Allowed where the caller could trace the credential's owner (same domain, or the owner is nested below it), or where
 * the socket only loses by it and nobody else holds it. It never gives more than the caller has.
 *
 * @param soleHolder whether the caller's process holds the only descriptors.
 * @returns the socket, or EPERM
 */
export function transition(caller: Credential, socket: NetSocket, soleHolder: boolean): Result<NetSocket> {
  const mine = caller.domain;
  const its = socket.creator.domain;
  const above = mine === null || isSameOrNested(mine, its);
  // Of a socket that nobody knows the maker of, only who may do anything can say whose it is.
  if (socket.unknown === true && mine !== null) return refused('EPERM');
  const narrows = its === null || (mine !== null && isSameOrNested(its, mine));
  return above || (narrows && soleHolder) ? done({ ...socket, creator: caller }) : refused('EPERM');
}

/**
 * A use of a file that the caller's domain did not open: asked of the caller's layers as if it were opened now for
 * this operation only. What was mapped before stays mapped.
 *
 * @param exempt descriptors that are never asked about, such as 0, 1 and 2.
 */
export function revalidateFile(
  behaviour: Behaviour,
  caller: Credential,
  use: {
    readonly file: OpenFile;
    readonly operation: 'read' | 'write';
    readonly fd: number;
    readonly exempt: ReadonlySet<number>;
  },
): Decision {
  const { domain } = caller;
  const { file, operation, fd, exempt } = use;
  if (domain === null || exempt.has(fd)) return ALLOWED;
  if (file.rights.domain !== null && isSameOrNested(domain, file.rights.domain)) return ALLOWED;
  const right = operation === 'read' ? 'fs.read_file' : 'fs.write_file';
  return accessPath(behaviour, caller, file.path, fsMask(right));
}

/** An operation that works before a layer is added and not after it. */
export interface Broken {
  readonly socket: NetSocket;
  readonly operation: SocketOperation;
  readonly errno: number;
}

/**
 * What a new layer would break: the sockets at hand and the operations that they would lose. Ask before enforcing.
 *
 * @param after the credential that the task would have.
 */
export function wouldBreak(
  rules: SocketRules,
  before: Credential,
  after: Credential,
  uses: readonly { readonly socket: NetSocket; readonly operation: SocketOperation }[],
): Broken[] {
  return uses.flatMap(({ socket, operation }) => {
    if (!decideSocket(rules, { caller: before, socket, operation }).allowed) return [];
    const decision = decideSocket(rules, { caller: after, socket, operation });
    return decision.allowed ? [] : [{ socket, operation, errno: decision.errno }];
  });
}
