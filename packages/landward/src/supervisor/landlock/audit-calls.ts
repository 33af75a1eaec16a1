/**
 * The calls on an audit socket: making one, and what the room of sockets hands over because the address is a netlink one.
 *
 * Owns privileges and the handing over. Other netlink sockets are the kernel's.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { AF, NETLINK_AUDIT, SOCK, SOCK_TYPE_MASK } from '../../uapi/socket.ts';
import { type Answer, type Call, DONE, refuse } from '../call.ts';
import { landlockOf } from './landlock-run.ts';

const CAP_AUDIT_CONTROL = 30n;
const CAP_AUDIT_READ = 37n;
const READERS = 1;
const NETLINK_ADDRESS = 12;

/** The call `socket` for an audit socket; `null` for any other. */
export function auditSocket(call: Call): Answer | null {
  if (call.run.plan.supervisor.landlock === undefined) return null;
  const [family, type, protocol] = [call.int(0), call.int(1), call.int(2)];
  if (family !== AF.NETLINK || protocol !== NETLINK_AUDIT) return null;
  const kind = type & SOCK_TYPE_MASK;
  if (kind !== SOCK.RAW && kind !== SOCK.DGRAM) return null;
  const { audit } = landlockOf(call);
  const fd = audit.clients.open(type);
  if (fd >= 0) audit.watch(call.run);
  return fd < 0 ? refuse(-fd) : { kind: 'fd', fd: call.own(fd), cloexec: (type & 0o2000000) !== 0 };
}

/** Whether a descriptor that the call has fetched is an audit socket of ours. */
export function isAuditSocket(call: Call, fd: number): boolean {
  return call.run.plan.supervisor.landlock !== undefined && landlockOf(call).audit.clients.knows(fd);
}

/**
 * `sendto` and `sendmsg` on an audit socket, with the bytes already copied.
 *
 * @returns how many bytes were taken, or `-errno`
 */
export function auditSend(call: Call, fd: number, bytes: Uint8Array): number {
  if (!has(call, CAP_AUDIT_CONTROL)) return -ERRNO.EPERM;
  landlockOf(call).audit.clients.request(fd, bytes);
  return bytes.length;
}

/** `bind` of an audit socket, to a netlink address with groups. */
export function auditBind(call: Call, fd: number, address: Uint8Array): Answer {
  if (address.length < NETLINK_ADDRESS) return refuse(ERRNO.EINVAL);
  const groups = new DataView(address.buffer, address.byteOffset).getUint32(8, true);
  if ((groups & READERS) === 0) return DONE;
  if (!has(call, CAP_AUDIT_READ)) return refuse(ERRNO.EPERM);
  landlockOf(call).audit.clients.join(fd);
  return DONE;
}

function has(call: Call, capability: bigint): boolean {
  return ((call.target.status().capabilities >> capability) & 1n) === 1n;
}
