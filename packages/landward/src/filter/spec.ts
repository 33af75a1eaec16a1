/**
 * What a seccomp filter has to hold, as pure data: made from a policy, turned into a program by `compose.ts`.
 *
 * Owns the vocabulary and the default. Every field is about one thing that Landlock can't hold; `deny` is the default
 * wherever ordinary programs don't miss it.
 */

import { AF, IPPROTO, SOCK } from '../uapi/socket.ts';
import type { Arch, SyscallName } from '../uapi/syscalls.ts';
import type { NotifyGroup } from './notify.ts';

/** A kind of socket that may be made. */
export interface SocketKind {
  /** An `AF` number. */
  readonly family: number;
  /** A `SOCK` number without flags, or any type. */
  readonly type: number | 'any';
  /** An `IPPROTO` number or what else the family counts, or any protocol. */
  readonly protocol: number | 'any';
}

export interface FilterSpec {
  readonly arch: Arch;
  /**
   * io_uring, which runs calls where no filter sees them. Refused with ENOSYS: programs fall back. `deny-new` refuses
   * new rings only: a running Node has one for its event loop and aborts when it can't enter it any more, so this is
   * what a filter for the calling process needs; a program that execve starts has no rings yet and can be refused all.
   */
  readonly ioUring: 'deny' | 'deny-new' | 'allow';
  /** ptrace, process_vm_*, kcmp, pidfd_getfd and the like, also between processes of one domain. EPERM. */
  readonly ptrace: 'deny' | 'allow';
  /**
   * New namespaces, setns, mounts, host names. EPERM; clone3 gets ENOSYS, because its flags lie in memory where a filter
   * can't read them and every libc falls back to clone.
   */
  readonly namespaces: 'deny' | 'allow';
  /** TIOCSTI and TIOCLINUX, which put text into the input of the terminal that the program shares. EPERM. */
  readonly terminalInjection: 'deny' | 'allow';
  /**
   * What hardly any program needs and has been a way out or into the kernel: key store, bpf, performance counters,
   * userfaultfd, modules, kexec, clock setting, reboot and the like, files by handle, limits of other processes. EPERM
   * (ENOSYS for calls that are obsolete).
   */
  readonly hardening: 'deny' | 'allow';
  /**
   * Running code from a file that has no name: memfd_create unless it gives up execution (MFD_NOEXEC_SEAL), and
   * execveat of a descriptor. Landlock lets both pass. EACCES, as the kernel has it for vm.memfd_noexec=2.
   */
  readonly anonymousExec: 'deny' | 'allow';
  /** Further calls to refuse with EPERM, by name. */
  readonly syscalls: readonly SyscallName[];
  /**
   * The sockets that may be made; everything else is refused with EACCES. `any` leaves sockets alone. The list speaks
   * of socket(2) only; see `unixPairs` for socketpair(2).
   */
  readonly sockets: 'any' | readonly SocketKind[];
  /**
   * The kinds of sockets and pairs that may be made besides what the other fields say; everything else is refused with
   * EACCES. All kinds where absent.
   */
  readonly create?: readonly SocketKind[];
  /**
   * UNIX socket pairs. `connected` allows stream and seqpacket pairs, which can never be connected to anything else;
   * datagram pairs can, also to sockets with a path, and are refused with EACCES.
   */
  readonly unixPairs: 'any' | 'connected' | 'deny';
  /**
   * TCP Fast Open by sendto, sendmsg and sendmmsg, which connects without asking Landlock before Linux 7.2. Refused
   * with EOPNOTSUPP, which is what a kernel with Fast Open switched off says: programs then use connect, which
   * Landlock decides.
   */
  readonly fastOpen: 'deny' | 'allow';
  /** What numbers meet that landward doesn't know: ENOSYS as on an older kernel, or leave. */
  readonly unknown: 'deny' | 'allow';
  /** Groups of calls that a supervisor is asked about, after everything above has refused what it refuses. */
  readonly notify: readonly NotifyGroup[];
  /** Calls by name that a supervisor is asked about whatever their arguments are; none where absent. */
  readonly calls?: readonly SyscallName[];
}

/** The kinds that two lists both admit. */
export function intersectKinds(
  one: readonly SocketKind[],
  other: readonly SocketKind[],
): readonly SocketKind[] {
  const meet = (a: number | 'any', b: number | 'any') =>
    a === 'any' ? b : b === 'any' || a === b ? a : null;
  const found = new Map<string, SocketKind>();
  for (const a of one)
    for (const b of other) {
      const [type, protocol] = [meet(a.type, b.type), meet(a.protocol, b.protocol)];
      if (a.family !== b.family || type === null || protocol === null) continue;
      found.set(`${a.family}/${type}/${protocol}`, { family: a.family, type, protocol });
    }
  return [...found.values()];
}

/** TCP and nothing else: not MPTCP, SCTP or SMC, which Landlock doesn't restrict. */
export const TCP_SOCKETS: readonly SocketKind[] = [AF.INET, AF.INET6].flatMap((family) =>
  [IPPROTO.IP, IPPROTO.TCP].map((protocol) => ({ family, type: SOCK.STREAM, protocol })),
);

/** UDP and nothing else: not UDP-Lite or ping sockets. */
export const UDP_SOCKETS: readonly SocketKind[] = [AF.INET, AF.INET6].flatMap((family) =>
  [IPPROTO.IP, IPPROTO.UDP].map((protocol) => ({ family, type: SOCK.DGRAM, protocol })),
);

/** UNIX sockets of every type. */
export const UNIX_SOCKETS: readonly SocketKind[] = [{ family: AF.UNIX, type: 'any', protocol: 'any' }];

/** Reading addresses and routes (NETLINK_ROUTE), which resolvers and runtimes do at start. */
export const ROUTE_SOCKETS: readonly SocketKind[] = [SOCK.RAW, SOCK.DGRAM].map((type) => ({
  family: AF.NETLINK,
  type,
  protocol: 0,
}));

/** The filter of a policy that says nothing: everything refused that ordinary programs don't miss, sockets left alone. */
export const DEFAULT_FILTER: Omit<FilterSpec, 'arch'> = {
  ioUring: 'deny',
  ptrace: 'deny',
  namespaces: 'deny',
  terminalInjection: 'deny',
  hardening: 'deny',
  anonymousExec: 'allow',
  syscalls: [],
  sockets: 'any',
  unixPairs: 'any',
  fastOpen: 'allow',
  unknown: 'deny',
  notify: [],
};

/** Refuses nothing that a program could miss, but for what would escape a supervisor: rings of io_uring. */
export const OPEN_FILTER: Omit<FilterSpec, 'arch'> = {
  ...DEFAULT_FILTER,
  ptrace: 'allow',
  namespaces: 'allow',
  terminalInjection: 'allow',
  hardening: 'allow',
  unknown: 'allow',
};
