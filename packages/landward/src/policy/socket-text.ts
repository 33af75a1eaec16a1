/**
 * Kinds of sockets as a policy writes them: `tcp`, `netlink:route`, `inet/stream/tcp`, `packet/raw/*`, with the kernel's own
 * words, and back.
 *
 * Owns the words. What a kind admits is the model's (`model/features/socket-create`): protocol 0 is the family's default, old
 * names mean what the kernel takes them for.
 */

import { canonicalTriple } from '../model/features/socket-create.ts';
import type { SocketKindRule } from '../model/rules.ts';
import { AF, IPPROTO, SOCK } from '../uapi/socket.ts';
import type { Refusal } from './expand.ts';
import { didYouMean } from './problems.ts';

/** A kind without its place. */
export type SocketKindText = Omit<SocketKindRule, 'origin'>;

const FAMILIES = {
  unix: AF.UNIX,
  inet: AF.INET,
  ax25: 3,
  inet6: AF.INET6,
  key: 15,
  netlink: AF.NETLINK,
  packet: AF.PACKET,
  can: 29,
  tipc: 30,
  bluetooth: 31,
  alg: AF.ALG,
  vsock: AF.VSOCK,
  qipcrtr: 42,
  smc: AF.SMC,
  xdp: AF.XDP,
  mctp: 45,
} as const satisfies Record<string, number>;

const TYPES = {
  stream: SOCK.STREAM,
  dgram: SOCK.DGRAM,
  raw: SOCK.RAW,
  rdm: SOCK.RDM,
  seqpacket: SOCK.SEQPACKET,
  dccp: SOCK.DCCP,
  packet: SOCK.PACKET,
} as const satisfies Record<string, number>;

const IP = {
  icmp: IPPROTO.ICMP,
  igmp: 2,
  tcp: IPPROTO.TCP,
  udp: IPPROTO.UDP,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: IPPROTO.ICMPV6,
  l2tp: 115,
  sctp: IPPROTO.SCTP,
  udplite: IPPROTO.UDPLITE,
  raw: IPPROTO.RAW,
  smc: IPPROTO.SMC,
  mptcp: IPPROTO.MPTCP,
} as const satisfies Record<string, number>;
const NETLINK = {
  route: 0,
  sock_diag: 4,
  xfrm: 6,
  audit: 9,
  netfilter: 12,
  kobject_uevent: 15,
  generic: 16,
  crypto: 21,
} as const satisfies Record<string, number>;

const INETS = [AF.INET, AF.INET6] as const;
const both = (type: number, protocol: number): SocketKindText[] =>
  INETS.map((family) => ({ family, type, protocol }));

/** Words for what people mean by one. */
const SHORT: Readonly<Record<string, readonly SocketKindText[]>> = {
  tcp: both(SOCK.STREAM, IPPROTO.TCP),
  udp: both(SOCK.DGRAM, IPPROTO.UDP),
  mptcp: both(SOCK.STREAM, IPPROTO.MPTCP),
  sctp: [SOCK.STREAM, SOCK.SEQPACKET].flatMap((type) => both(type, IPPROTO.SCTP)),
  ping: [
    { family: AF.INET, type: SOCK.DGRAM, protocol: IPPROTO.ICMP },
    { family: AF.INET6, type: SOCK.DGRAM, protocol: IPPROTO.ICMPV6 },
  ],
};

const MOST = { family: 254, type: 15, protocol: 65_534 } as const;

/** What a kind may look like, for the schema. */
export const SOCKET_KIND_PATTERN =
  '^[a-z0-9_]+(:[a-z0-9_]+|/[a-z0-9_]+/([a-z0-9_]+|\\*)|/\\*/([a-z0-9_]+|\\*))?$';

/**
 * Reads a kind of socket.
 *
 * @returns the kinds in canonical form, or why it is none
 * @example readSocketKind('tcp') // inet and inet6, stream, tcp
 */
export function readSocketKind(text: string): readonly SocketKindText[] | Refusal {
  const short = Object.hasOwn(SHORT, text) ? SHORT[text] : undefined;
  if (short !== undefined) return short;
  const netlink = /^netlink:(.+)$/.exec(text);
  if (netlink !== null) return triple('netlink', '*', netlink[1]!);
  const parts = text.split('/');
  if (parts.length === 1) return triple(text, '*', '*');
  if (parts.length === 3) return triple(parts[0]!, parts[1]!, parts[2]!);
  return {
    refused: `'${text}' is no kind of socket`,
    fix: 'Write tcp, udp, unix, netlink:route, or family/type/protocol such as inet/stream/tcp and packet/raw/*',
  };
}

function triple(
  familyText: string,
  typeText: string,
  protocolText: string,
): readonly SocketKindText[] | Refusal {
  const family = numberOf(familyText, FAMILIES, MOST.family, 'family of sockets');
  if (typeof family !== 'number') return family;
  const type = typeText === '*' ? null : numberOf(typeText, TYPES, MOST.type, 'type of socket');
  if (type !== null && typeof type !== 'number') return type;
  const words = family === AF.NETLINK ? NETLINK : family === AF.INET || family === AF.INET6 ? IP : {};
  const protocol =
    protocolText === '*' ? null : numberOf(protocolText, words, MOST.protocol, 'protocol here');
  if (protocol !== null && typeof protocol !== 'number') return protocol;
  const known = canonicalTriple({ family, type: type ?? 0, protocol: protocol ?? 0 });
  return [
    {
      family: type === null ? family : known.family,
      type: type === null ? null : known.type,
      protocol: protocol === null ? null : type === null ? protocol : known.protocol,
    },
  ];
}

function numberOf(
  word: string,
  words: Readonly<Record<string, number>>,
  most: number,
  what: string,
): number | Refusal {
  if (Object.hasOwn(words, word)) return words[word]!;
  if (/^(0|[1-9][0-9]{0,5})$/.test(word) && Number(word) <= most) return Number(word);
  const meant = didYouMean(word, Object.keys(words));
  return {
    refused: `There is no ${what} called '${word}'`,
    fix:
      meant === undefined
        ? `Write one of ${[...Object.keys(words), `a number up to ${most}`].join(', ')}`
        : `Did you mean '${meant}'?`,
  };
}

/** A kind as a policy would write it. */
export function writeSocketKind({ family, type, protocol }: SocketKindText): string {
  const word = (words: Readonly<Record<string, number>>, value: number) =>
    Object.entries(words).find(([, number]) => number === value)?.[0] ?? String(value);
  const name = word(FAMILIES, family);
  if (type === null && protocol === null) return name;
  const words = family === AF.NETLINK ? NETLINK : family === AF.INET || family === AF.INET6 ? IP : {};
  const kind = type === null ? '*' : word(TYPES, type);
  return `${name}/${kind}/${protocol === null ? '*' : word(words, protocol)}`;
}
