/**
 * Decisions on one object of the file system: create, remove, truncate by path, and changes of the mount tree.
 * Opening is `open.ts`, rename and link are `refer.ts`, UNIX sockets are `sockets.ts`.
 */

import type { Behaviour } from './behaviour.ts';
import { ALLOWED, blame, blameLayers, type Decision, denied, type Subject } from './decision.ts';
import type { Credential } from './domain.ts';
import { makeRequest, mknodRequest, removeRequest, request } from './operations.ts';
import { pathAllows } from './walk.ts';
import type { InodeType, Path } from './world.ts';

/**
 * Any simple request: are these rights granted on this object?
 *
 * @param path the object whose rules count: the directory for creation and removal, else the object.
 * @param asked mask of filesystem rights.
 * @returns allowed, or EACCES.
 */
export function accessPath(
  behaviour: Behaviour,
  credential: Credential,
  path: Path,
  asked: number,
): Decision {
  const domain = credential.domain;
  if (domain === null || (domain.handledFs & asked) === 0) return ALLOWED;
  if (pathAllows(behaviour, domain, path, asked)) return ALLOWED;
  const asker = { behaviour, domain, sameExec: credential.sameExec };
  const denial = blame(
    asker,
    { class: 'fs', request: asked, object: { kind: 'path', path } },
    domain.scratch.missing,
    domain.scratch.quiet,
  );
  return denied('EACCES', denial!);
}

/** Creates a name for a new object: `mkdir`, `symlink`, `open` with O_CREAT, `bind` of a UNIX socket. */
export function make(
  behaviour: Behaviour,
  credential: Credential,
  directory: Path,
  type: InodeType,
): Decision {
  return accessPath(behaviour, credential, directory, makeRequest(type));
}

/**
 * `mknod`.
 *
 * @param rdev device number as `makedev` packs it; 0 for what is not a device.
 */
export function mknod(
  behaviour: Behaviour,
  credential: Credential,
  directory: Path,
  type: InodeType,
  rdev: number,
): Decision {
  return accessPath(behaviour, credential, directory, mknodRequest(behaviour, type, rdev));
}

/** `rmdir` (type `dir`) or `unlink` (any other, whatever the name really is). */
export function remove(
  behaviour: Behaviour,
  credential: Credential,
  directory: Path,
  call: 'rmdir' | 'unlink',
): Decision {
  return accessPath(behaviour, credential, directory, removeRequest(call === 'rmdir' ? 'dir' : 'reg'));
}

/** `truncate` by path. */
export function truncate(behaviour: Behaviour, credential: Credential, path: Path): Decision {
  return accessPath(behaviour, credential, path, request('truncate'));
}

/**
 * Any change of the mount tree: mount, umount, remount, move, propagation, pivot_root.
 *
 * @returns allowed, or EPERM where a layer handles a filesystem right.
 */
export function changeTopology(behaviour: Behaviour, credential: Credential, object: Subject): Decision {
  const domain = credential.domain;
  if (domain === null || domain.handledFs === 0) return ALLOWED;
  const layers = domain.layers.flatMap((layer, index) => (layer.handledFs !== 0 ? [index] : []));
  const asker = { behaviour, domain, sameExec: credential.sameExec };
  return denied('EPERM', blameLayers(asker, { class: 'topology', request: 0, object }, layers));
}
