/**
 * Socket families, types, protocols and message flags.
 *
 * Owns the numbers only. Which sockets a policy may make is decided elsewhere.
 */

export const AF = {
  UNSPEC: 0,
  UNIX: 1,
  INET: 2,
  INET6: 10,
  NETLINK: 16,
  PACKET: 17,
  ALG: 38,
  VSOCK: 40,
  SMC: 43,
  XDP: 44,
} as const;

/** The netlink protocol of the kernel's audit. */
export const NETLINK_AUDIT = 9;

export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, RDM: 4, SEQPACKET: 5, DCCP: 6, PACKET: 10 } as const;

/** The part of a socket's type argument that is the type; the rest is `SOCK_FLAG`. */
export const SOCK_TYPE_MASK = 0xf;
export const SOCK_FLAG = { NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

export const IPPROTO = {
  IP: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ICMPV6: 58,
  SCTP: 132,
  UDPLITE: 136,
  RAW: 255,
  SMC: 256,
  MPTCP: 262,
} as const;

export const MSG = {
  OOB: 1,
  PEEK: 2,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  NOSIGNAL: 0x4000,
  /** The kernel may take the pages of the sender instead of a copy. */
  ZEROCOPY: 0x4000000,
  /** Connects while sending the first bytes (TCP Fast Open). */
  FASTOPEN: 0x20000000,
  CMSG_CLOEXEC: 0x40000000,
  /** Marks calls of other architectures; refused from programs. */
  CMSG_COMPAT: 0x80000000,
} as const;

export const SOL_SOCKET = 1;
export const SO = {
  TYPE: 3,
  ERROR: 4,
  PEERCRED: 17,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  ACCEPTCONN: 30,
  PROTOCOL: 38,
  DOMAIN: 39,
  /** A number for each socket that the kernel never gives twice. */
  COOKIE: 57,
  /** Each message brings a pidfd of who sent it (Linux 6.5). */
  PASSPIDFD: 76,
  /** A pidfd of who has connected (Linux 6.5). */
  PEERPIDFD: 77,
} as const;
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const SCM_PIDFD = 4;
