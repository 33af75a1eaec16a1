/**
 * Control data of a message: descriptors that travel with it are taken from the target and sent as this process's
 * duplicates; credentials are checked as the kernel would check them for the target.
 *
 * Owns the rewriting. Everything else goes as it is, but for what turns packets to another host than the one that was
 * decided on.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET } from '../../uapi/socket.ts';
import { type Call, refuse } from '../call.ts';
import { socketPassed } from '../landlock/passed.ts';

const HEADER = 16;
const RIGHTS_MAX = 253;
/** Options of a packet that name hosts on its way. */
const ROUTES: readonly (readonly [level: number, type: number])[] = [
  [0, 7],
  [0, 4],
  [41, 5],
  [41, 57],
];
/** Its control data holds pointers, which would be read as places in this process. */
const SOL_RDS = 276;
const CAP = { SETGID: 6n, SETUID: 7n, SYS_ADMIN: 21n } as const;

/** Control data that this process can send. */
export interface Control {
  readonly bytes: Uint8Array;
  /** Whether it tells who sends, which the kernel takes from nobody but that process or an administrator. */
  readonly credentials: boolean;
}

/**
 * Rewrites control data for sending from this process.
 *
 * @throws {Refused} EBADF and EINVAL as the kernel does, EPERM for credentials of others, routes, and pointers
 */
export function controlOf(call: Call, given: Uint8Array, unix: boolean): Control {
  const bytes = given.slice();
  const view = new DataView(bytes.buffer);
  let credentials = false;
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const size = Number(view.getBigUint64(at, true));
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    if (size < HEADER || size > bytes.length - at) refuse(ERRNO.EINVAL);
    if (unix && level === SOL_SOCKET && type === SCM_RIGHTS) moveRights(call, view, at + HEADER, at + size);
    if (unix && level === SOL_SOCKET && type === SCM_CREDENTIALS) {
      if (size !== HEADER + 12) refuse(ERRNO.EINVAL);
      checkCredentials(call, view, at + HEADER);
      credentials = true;
    }
    if (level === SOL_RDS) refuse(ERRNO.EPERM);
    if (!unix && ROUTES.some(([one, other]) => one === level && other === type)) refuse(ERRNO.EPERM);
    at += (size + 7) & ~7;
  }
  return { bytes, credentials };
}

function moveRights(call: Call, view: DataView, from: number, to: number): void {
  const count = Math.floor((to - from) / 4);
  if (count > RIGHTS_MAX) refuse(ERRNO.EINVAL);
  for (let index = 0; index < count; index++) {
    const at = from + 4 * index;
    const fd = call.target.fd(view.getInt32(at, true));
    socketPassed(call, fd);
    view.setInt32(at, fd, true);
  }
}

/** Who the target says to be has to be who it is, unless it may say what it likes. */
function checkCredentials(call: Call, view: DataView, at: number): void {
  const status = call.target.status();
  const may = (capability: bigint) => ((status.capabilities >> capability) & 1n) === 1n;
  const [pid, uid, gid] = [
    view.getInt32(at, true),
    view.getUint32(at + 4, true),
    view.getUint32(at + 8, true),
  ];
  const itself = pid === status.namespacedPids.at(-1);
  if (!itself && !may(CAP.SYS_ADMIN)) refuse(ERRNO.EPERM);
  if (uid !== status.uid && uid !== status.euid && !may(CAP.SETUID)) refuse(ERRNO.EPERM);
  if (gid !== status.egid && !status.groups.includes(gid) && !may(CAP.SETGID)) refuse(ERRNO.EPERM);
  if (itself) view.setInt32(at, status.pid, true);
}
