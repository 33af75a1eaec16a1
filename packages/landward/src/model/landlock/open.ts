/**
 * Opening a file, and the rights that the open file keeps: truncate and device ioctl are decided when it is opened, with
 * the opener's domain, and hold for whoever uses the file later.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { FS_RIGHTS } from '../../uapi/landlock.ts';
import { fsMask } from '../../uapi/masks.ts';
import type { Behaviour } from './behaviour.ts';
import { ALLOWED, blame, type Decision, type Denied, denied, type Lack, recorded } from './decision.ts';
import type { Credential } from './domain.ts';
import { isFreeIoctl } from './ioctl.ts';
import { type OpenMode, openRequest } from './operations.ts';
import { pathAllows } from './walk.ts';
import type { FileRights, OpenFile, Path } from './world.ts';

const ALL = Object.values(FS_RIGHTS).reduce((mask, right) => mask | (1 << right.bit), 0);
const TRUNCATE = fsMask('fs.truncate');
const IOCTL_DEV = fsMask('fs.ioctl_dev');

/** The optional rights, and where `denyLayers` keeps the layer of each. */
const OPTIONAL = [
  [TRUNCATE, 0],
  [IOCTL_DEV, 4],
] as const;

/** What a file keeps that Landlock did not see opened (pipes, sockets, memory files), or that no domain opened. */
export const ALL_RIGHTS: FileRights = { allowed: ALL, domain: null, denyLayers: 0, quiet: 0, sameExec: 0 };

/** An opened file's rights, or the refusal. */
export type Opened = { readonly allowed: true; readonly rights: FileRights } | Denied;

/**
 * Opens an object.
 *
 * @param credential the opener's.
 * @returns what the open file keeps, or EACCES with the blame of the rights asked (never of the optional ones).
 */
export function open(behaviour: Behaviour, credential: Credential, path: Path, mode: OpenMode): Opened {
  const domain = credential.domain;
  if (domain === null || domain.handledFs === 0) return { allowed: true, rights: ALL_RIGHTS };
  const type = path.dentry.inode!.type;
  const asked = openRequest(type, mode);
  const optional = TRUNCATE | (type === 'char' || type === 'block' ? IOCTL_DEV : 0);
  const full = asked | optional;
  pathAllows(behaviour, domain, path, full);
  const { missing, quiet: quietLayers } = domain.scratch;
  let lacking = 0;
  let denyLayers = 0;
  let quiet = 0;
  for (let layer = 0; layer < missing.length; layer++) {
    lacking |= missing[layer]!;
    for (const [right, shift] of OPTIONAL) {
      if ((missing[layer]! & right) === 0) continue;
      denyLayers = (denyLayers & ~(0xf << shift)) | ((layer & 0xf) << shift);
      const muted = (quietLayers & (1 << layer)) !== 0 && (domain.layers[layer]!.quietFs & right) !== 0;
      quiet = muted ? quiet | right : quiet & ~right;
    }
  }
  if ((lacking & asked) === 0) {
    return {
      allowed: true,
      rights: { allowed: full & ~lacking, domain, denyLayers, quiet, sameExec: credential.sameExec },
    };
  }
  const denial = blame(
    { behaviour, domain, sameExec: credential.sameExec },
    { class: 'fs', request: asked, object: { kind: 'path', path } },
    missing,
    quietLayers,
  );
  return denied('EACCES', denial!);
}

/** `ftruncate`, and the truncating step of an open with O_TRUNC. Who calls does not matter, only the file does. */
export function fileTruncate(behaviour: Behaviour, file: OpenFile): Decision {
  return use(behaviour, file, TRUNCATE);
}

/**
 * `ioctl` on an open file. Only character and block devices are mediated, and some commands never are.
 *
 * @param command the full 32-bit command.
 */
export function fileIoctl(behaviour: Behaviour, file: OpenFile, command: number): Decision {
  const type = file.path.dentry.inode!.type;
  if ((type !== 'char' && type !== 'block') || isFreeIoctl(command)) return ALLOWED;
  return use(behaviour, file, IOCTL_DEV, command);
}

function use(behaviour: Behaviour, file: OpenFile, right: number, ioctl?: number): Decision {
  const { rights } = file;
  if ((rights.allowed & right) !== 0) return ALLOWED;
  const domain = rights.domain;
  if (domain === null) return ALLOWED;
  const layer = (rights.denyLayers >>> (right === TRUNCATE ? 0 : 4)) & 0xf;
  const lack: Lack = { layer, node: domain.layers[layer]!.node, missing: right };
  return {
    allowed: false,
    errno: ERRNO.EACCES,
    denials: [
      {
        ...lack,
        class: 'fs',
        object: { kind: 'path', path: file.path, ...(ioctl === undefined ? {} : { ioctl }) },
        // The file remembers one layer only: who else denied is not known any more.
        complete: [lack],
        ...recorded({ behaviour, domain, sameExec: rights.sameExec }, lack, (rights.quiet & right) !== 0),
      },
    ],
  };
}
