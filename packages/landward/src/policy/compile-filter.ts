/**
 * The seccomp filter of a plan: which sockets a program may make, and the calls that the policy refuses.
 *
 * Owns the choice of what the filter has to hold because Landlock of this kernel cannot. The program itself is made in
 * `filter/`.
 */

import { LandwardError } from '../errors.ts';
import { composeFilter, filterResiduals } from '../filter/compose.ts';
import type { NotifyGroup } from '../filter/notify.ts';
import {
  DEFAULT_FILTER,
  type FilterSpec,
  OPEN_FILTER,
  ROUTE_SOCKETS,
  type SocketKind,
  TCP_SOCKETS,
  UDP_SOCKETS,
  UNIX_SOCKETS,
} from '../filter/spec.ts';
import { type AbiRow, NET_RIGHTS } from '../uapi/landlock.ts';
import { AF } from '../uapi/socket.ts';
import { SYSCALLS, type SyscallName } from '../uapi/syscalls.ts';
import type { GapList } from './compile-gaps.ts';
import type { NetResult, Reach } from './compile-net.ts';
import type { ScopeResult } from './compile-scopes.ts';
import type { SocketsResult } from './compile-sockets.ts';
import type { Host } from './plan.ts';
import type { Policy } from './policy.ts';

export interface FilterResult {
  readonly spec: FilterSpec;
  readonly filter: Uint8Array | null;
  /** Protocols that the program cannot make sockets of. */
  readonly refused: { readonly tcp: boolean; readonly udp: boolean; readonly unix: boolean };
  readonly residual: readonly string[];
}

/** The highest address family number that the filter tells apart; newer ones are refused where sockets are listed. */
const LAST_FAMILY = 63;

/** What else the filter depends on. */
interface FilterOptions {
  readonly notify?: readonly NotifyGroup[];
  readonly calls?: readonly SyscallName[];
  /** Whether the filter refuses nothing itself. */
  readonly only?: boolean;
  readonly sockets?: Pick<SocketsResult, 'create' | 'residual'>;
  /** The ports that the kernel asks the caller about, where they are not those of all layers. */
  readonly kernelNet?: NetResult;
}

const NO_CONTROLS: Pick<SocketsResult, 'create' | 'residual'> = { residual: [] };

/** Compiles the filter. */
export function compileFilter(
  policy: Policy,
  host: Host,
  row: AbiRow,
  net: NetResult,
  scopes: ScopeResult,
  gaps: GapList,
  {
    notify = [],
    calls = [],
    only = false,
    sockets: controls = NO_CONTROLS,
    kernelNet = net,
  }: FilterOptions = {},
): FilterResult {
  const refused = {
    tcp: net.restricted && closed(net.reach['net.bind_tcp'], net.reach['net.connect_tcp']),
    // Questions to name servers need UDP; the supervisor denies all else.
    udp: net.restricted && !notify.includes('receive') && !udpOpen(net, row, gaps),
    unix: scopes.refuseUnix,
  };
  const sockets = socketsOf(net, refused);
  const unixSockets = sockets === 'any' || sockets.some((kind) => kind.family === AF.UNIX);
  // A socket that listens without being bound takes a free port, and Landlock is not asked.
  const listen =
    kernelNet.restricted && !kernelNet.freePort && kernelNet.reach['net.bind_tcp'] === 'none' && !refused.tcp;
  const spec: FilterSpec = {
    ...DEFAULT_FILTER,
    notify,
    ...(calls.length === 0 ? {} : { calls }),
    arch: host.arch,
    ioUring: policy.process.ioUring,
    ptrace: policy.process.ptrace,
    namespaces: policy.process.namespaces,
    terminalInjection: policy.process.terminalInjection,
    syscalls: [
      ...syscallNames(policy.process.syscalls),
      ...(listen && !unixSockets ? (['listen'] as const) : []),
    ],
    sockets,
    ...(controls.create === undefined ? {} : { create: controls.create }),
    unixPairs: scopes.refuseUnix ? 'connected' : 'any',
    fastOpen:
      kernelNet.handled & NET_BIT_CONNECT_TCP && row.abi < NET_RIGHTS['net.bind_udp'].abi ? 'deny' : 'allow',
  };
  filterGaps(policy, host, row, net, scopes, refused, gaps, controls);
  const residual = [...(host.seccomp ? filterResiduals(spec) : []), ...controls.residual];
  if (
    kernelNet.restricted &&
    !kernelNet.freePort &&
    !refused.tcp &&
    (unixSockets || kernelNet.reach['net.bind_tcp'] === 'some')
  ) {
    residual.push(
      'a TCP socket that listens without being bound takes a free port, which Landlock does not ask about',
    );
  }
  if (net.restricted && host.uid === 0 && sockets !== 'any' && sockets.length > 0) {
    residual.push(
      'a program of root with CAP_NET_ADMIN can change the routes, addresses and tunnels of this host, and so where packets to an allowed address go',
    );
  }
  const program = composeFilter(only ? { ...OPEN_FILTER, arch: host.arch, notify, calls } : spec);
  return { spec, filter: host.seccomp ? program : null, refused, residual };
}

const NET_BIT_CONNECT_TCP = 1 << NET_RIGHTS['net.connect_tcp'].bit;

function closed(bind: Reach, connect: Reach): boolean {
  return bind === 'none' && connect === 'none';
}

/** Whether UDP sockets may be made: all of UDP is open, the kernel can tell ports apart, or a person accepted that it cannot. */
function udpOpen(net: NetResult, row: AbiRow, gaps: GapList): boolean {
  const bind = net.reach['net.bind_udp'];
  const connect = net.reach['net.connect_send_udp'];
  if (closed(bind, connect)) return false;
  const open = bind === 'all' && connect === 'all';
  return (
    open || row.abi >= NET_RIGHTS['net.bind_udp'].abi || gaps.accepts('net.udp') || gaps.accepts('landlock')
  );
}

function socketsOf(net: NetResult, refused: FilterResult['refused']): 'any' | readonly SocketKind[] {
  if (net.restricted) {
    return [
      ...(refused.tcp ? [] : TCP_SOCKETS),
      ...(refused.udp ? [] : UDP_SOCKETS),
      ...(refused.unix ? [] : UNIX_SOCKETS),
      ...ROUTE_SOCKETS,
    ];
  }
  if (!refused.unix) return 'any';
  const families = Array.from({ length: LAST_FAMILY + 1 }, (_, family) => family).filter(
    (family) => family !== AF.UNIX,
  );
  return families.map((family) => ({ family, type: 'any', protocol: 'any' }));
}

function syscallNames(names: readonly string[]): SyscallName[] {
  return names.map((name) => {
    if (!(name in SYSCALLS.x86_64) && !(name in SYSCALLS.aarch64)) {
      throw new LandwardError('POLICY_INVALID', `There is no system call named '${name}'`, { part: name });
    }
    return name as SyscallName;
  });
}

function filterGaps(
  policy: Policy,
  host: Host,
  row: AbiRow,
  net: NetResult,
  scopes: ScopeResult,
  refused: FilterResult['refused'],
  gaps: GapList,
  { create }: Pick<SocketsResult, 'create'>,
): void {
  if (!host.seccomp) {
    gaps.add('seccomp');
    if (net.restricted) {
      gaps.add('net.other');
      if (refused.udp && row.abi < NET_RIGHTS['net.bind_udp'].abi) gaps.add('net.udp');
      if (refused.tcp && row.abi < NET_RIGHTS['net.bind_tcp'].abi) gaps.add('net.tcp');
    }
  } else if (
    policy.process.ioUring === 'allow' &&
    (net.restricted || scopes.refuseUnix || create !== undefined)
  ) {
    gaps.add('net.other', {
      lost: 'io_uring makes sockets of every kind, and no filter sees it',
      closes: "io_uring = 'deny' in [process]",
    });
  }
}
