/**
 * UNIX sockets: abstract names by scope, path names by the right fs.resolve_unix or by relation. The caller's domain
 * decides, against the domain in which the *peer* socket was created.
 */

import { FS_RIGHTS } from '../../uapi/landlock.ts';
import { type Behaviour, rung } from './behaviour.ts';
import { ALLOWED, blame, type Decision, denied } from './decision.ts';
import type { Credential } from './domain.ts';
import { sameAtDepth, scoped } from './ipc.ts';
import { request } from './operations.ts';
import { isFulfilled, pathAllows } from './walk.ts';
import type { Path, UnixSocket } from './world.ts';

/**
 * Connecting to a UNIX socket, or sending a datagram to one.
 *
 * @param peer the socket found under the name.
 * @param alreadyConnected a datagram socket that is connected to this very peer.
 * @returns allowed, or EPERM by scope.
 */
export function reachSocket(
  behaviour: Behaviour,
  caller: Credential,
  peer: UnixSocket,
  alreadyConnected = false,
): Decision {
  const { domain, sameExec } = caller;
  if (domain === null || peer.bound !== 'abstract' || alreadyConnected) return ALLOWED;
  return scoped({ behaviour, domain, sameExec }, peer.creator, 'scope.abstract_unix_socket', {
    kind: 'socket',
    socket: peer,
  });
}

/**
 * Finding a UNIX socket by path, in connect and in sends with an address. Each layer that handles the right needs a
 * rule on the path, or to be a layer of the peer too.
 *
 * @returns allowed, or EACCES.
 */
export function resolveUnix(
  behaviour: Behaviour,
  caller: Credential,
  path: Path,
  peer: UnixSocket,
): Decision {
  const { domain, sameExec } = caller;
  const asked = request('resolve unix');
  if (domain === null || (domain.handledFs & asked) === 0) return ALLOWED;
  if (rung(behaviour).abi < FS_RIGHTS['fs.resolve_unix'].abi || pathAllows(behaviour, domain, path, asked))
    return ALLOWED;
  const { missing, quiet } = domain.scratch;
  for (let layer = 0; layer < missing.length; layer++) {
    if (sameAtDepth(domain, peer.creator, layer)) missing[layer] = 0;
  }
  if (isFulfilled(missing)) return ALLOWED;
  const denial = blame(
    { behaviour, domain, sameExec },
    { class: 'fs', request: asked, object: { kind: 'path', path } },
    missing,
    quiet,
  );
  return denied('EACCES', denial!);
}
