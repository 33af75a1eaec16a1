/**
 * `setsockopt` and `shutdown`: performed on the duplicate that was asked about, since another thread could put another socket in
 * its place.
 *
 * Owns the calls, and the few options whose value leads to more memory or to a descriptor.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import { native } from '../../kernel/native.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AF, IPPROTO, SOL_SOCKET } from '../../uapi/socket.ts';
import { type Answer, type Call, CONTINUE, outcome, refuse } from '../call.ts';
import { needsRef } from './made.ts';
import { socketOf } from './socket.ts';
import { askUse } from './use-questions.ts';

const SOL = { IP: 0, IPV6: 41, PACKET: 263, NETLINK: 270, TLS: 282, MPTCP: 284, SMC: 286 } as const;
/**
 * `IP_OPTIONS`; `IPV6_2292RTHDR`, `IPV6_2292PKTOPTIONS`, `IPV6_FLOWLABEL_MGR` (a label can carry a route), `IPV6_RTHDR`: they
 * turn packets to hosts that nobody decided on.
 */
const ROUTES = { [SOL.IP]: [4], [SOL.IPV6]: [5, 6, 32, 57] } as const satisfies Record<
  number,
  readonly number[]
>;
/** Options whose value is a `struct sock_fprog`: SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF, PACKET_FANOUT_DATA. */
const PROGRAMS: readonly (readonly [level: number, option: number])[] = [
  [SOL_SOCKET, 26],
  [SOL_SOCKET, 51],
  [SOL.PACKET, 22],
];
/** Options whose value is a descriptor: SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF. */
const DESCRIPTORS: readonly (readonly [level: number, option: number])[] = [
  [SOL_SOCKET, 50],
  [SOL_SOCKET, 52],
];
const FPROG = { bytes: 16, pointerAt: 8, instruction: 8, most: 4096 } as const;
/**
 * Levels whose options are read and performed here. Others name memory of the caller (XDP_UMEM_REG, RDS_GET_MR), which here would
 * be this thread's; the sockets that layers look at do not know them, so that the kernel may run the call, whatever is swapped.
 */
const LEVELS: ReadonlySet<number> = new Set([
  SOL_SOCKET,
  SOL.IP,
  SOL.IPV6,
  SOL.PACKET,
  SOL.NETLINK,
  SOL.TLS,
  SOL.MPTCP,
  SOL.SMC,
  IPPROTO.TCP,
  IPPROTO.UDP,
  IPPROTO.UDPLITE,
  IPPROTO.ICMPV6,
  IPPROTO.SCTP,
  IPPROTO.RAW,
]);
/** Tables of iptables, arptables, ebtables and ip6tables: they name memory to which old counters are written. */
const TABLES = { [SOL.IP]: [64, 96, 128], [SOL.IPV6]: [64] } as const satisfies Record<
  number,
  readonly number[]
>;
/** More than any option has that a program without privileges can set. */
const VALUE_MAX = 64 * 1024;

/** The call `setsockopt`. */
export function setsockopt(call: Call): Answer {
  const [level, name] = [call.int(1), call.int(2)];
  const routes: readonly number[] = ROUTES[level as keyof typeof ROUTES] ?? [];
  const { groups } = call.run.plan.supervisor;
  if (routes.includes(name) && groups.includes('connect')) return refuse(ERRNO.EPERM);
  if (!needsRef(call)) return CONTINUE;
  const size = call.int(4);
  const socket = socketOf(call, call.int(0));
  if (size < 0) refuse(ERRNO.EINVAL);
  askUse(call, socket, 'configure');
  const is = ([one, other]: readonly [number, number]) => one === level && other === name;
  const tables: readonly number[] = TABLES[level as keyof typeof TABLES] ?? [];
  if (!LEVELS.has(level) || tables.includes(name)) return CONTINUE;
  if (PROGRAMS.some(is)) return attachProgram(call, socket.fd, level, name, size);
  if (size > VALUE_MAX) refuse(ERRNO.EINVAL);
  const pointer = call.arg(3);
  if (pointer === 0) return perform(call, () => attempt('setsockopt', socket.fd, level, name, null, size));
  const value = call.target.read(pointer, size).slice();
  if (DESCRIPTORS.some(is) && size >= 4) {
    const view = new DataView(value.buffer);
    view.setInt32(0, call.target.fd(view.getInt32(0, true)), true);
  }
  return perform(call, () => attempt('setsockopt', socket.fd, level, name, value, size));
}

function perform(call: Call, act: () => number): Answer {
  return outcome(call.target.as(act));
}

/** A program of classic BPF, whose instructions lie elsewhere. */
function attachProgram(call: Call, fd: number, level: number, name: number, size: number): Answer {
  if (size < FPROG.bytes) refuse(ERRNO.EINVAL);
  const given = call.target.read(call.arg(3), FPROG.bytes);
  const view = new DataView(given.buffer, given.byteOffset);
  const count = view.getUint16(0, true);
  if (count === 0 || count > FPROG.most) refuse(ERRNO.EINVAL);
  const code = call.target
    .read(Number(view.getBigUint64(FPROG.pointerAt, true)), count * FPROG.instruction)
    .slice();
  const build = new ImageBuilder(ARCH);
  const result = build.slot();
  const program = build.reserve(FPROG.bytes);
  build.point(program, FPROG.pointerAt, build.bytes(code));
  build.step('setsockopt', [fd, level, name, program, FPROG.bytes], 'setsockopt', {
    store: result,
    okErrno: 'any',
  });
  const image = build.build();
  new DataView(image.bytes.buffer, image.data).setUint16(program.at, count, true);
  return perform(call, () => {
    native().apply(image.bytes);
    return readSlot(image, result);
  });
}

const HOW = ['read', 'write', 'both'] as const;

/** The call `shutdown`: two of its forms bring a socket back to where it can be aimed anew. */
export function shutdown(call: Call): Answer {
  const socket = socketOf(call, call.int(0));
  const how = call.int(1);
  const word = HOW[how];
  if (word !== undefined && socket.domain !== AF.UNIX) askUse(call, socket, 'shutdown', word);
  return perform(call, () => attempt('shutdown', socket.fd, how));
}
