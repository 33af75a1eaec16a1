/**
 * Network targets as people write them: `tcp:443`, `tcp:host:443`, `udp:192.0.2.0/24:53`, `tcp:[::1]:8000-8010`, `loopback`.
 *
 * Strict: a spelling that two programs could read differently is refused with the spelling that is meant.
 */

import type { HostPattern, PortRange } from '../model/rules.ts';
import { type Address, isNetwork, looksLikeIpv4, mappedIpv4, readIpv4, readIpv6 } from './address.ts';
import type { Refusal } from './expand.ts';

/** A target: protocols, hosts, ports. `protocol` is null where none is named: TCP and UDP. */
export interface NetTarget {
  readonly protocol: 'tcp' | 'udp' | null;
  readonly host: HostPattern;
  readonly ports: PortRange;
}

export const ANY_PORT: PortRange = { first: 0, last: 65535 };
/** Words that stand before a colon elsewhere; here they would be hosts, which nobody means. */
const OTHER_PROTOCOLS = [
  'tcp4',
  'tcp6',
  'udp4',
  'udp6',
  'mptcp',
  'sctp',
  'dccp',
  'icmp',
  'quic',
  'http',
  'https',
  'ws',
  'wss',
  'ftp',
  'ssh',
  'tls',
  'unix',
];
const CLASSES = ['loopback', 'private', 'link-local', 'multicast'] as const;

/**
 * Reads a target.
 *
 * @param text the target after variables
 * @returns the target, or what is wrong
 * @example
 * readTarget('tcp:[2001:db8::]/32:443');
 */
export function readTarget(text: string): NetTarget | Refusal {
  const strange = /[^\x21-\x7e]/.exec(text);
  if (strange !== null) {
    return {
      refused: `A target consists of visible ASCII characters, '${text}' has others`,
      fix: /[\u0080-\uffff]/.test(text)
        ? 'Write an international name in its ASCII form (xn--)'
        : 'Remove them',
    };
  }
  if (text.includes('@'))
    return { refused: `A host has no user part, '${text}' has one`, fix: 'Write the host alone' };
  if (text.includes('://'))
    return { refused: `A target is no URL, '${text}' is`, fix: 'Write it as tcp:host:port' };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1];
  if (scheme !== undefined && OTHER_PROTOCOLS.includes(scheme.toLowerCase())) {
    return {
      refused: `The protocols are tcp and udp, '${text}' names '${scheme}'`,
      fix: 'Write tcp:host:port or udp:host:port',
    };
  }
  const protocol = scheme === 'tcp' || scheme === 'udp' ? scheme : null;
  const rest = protocol === null ? text : text.slice(4);
  if (protocol !== null && (rest === '*' || isPorts(rest))) return withPorts(protocol, { kind: 'any' }, rest);
  if (isPorts(rest))
    return {
      refused: `A port belongs to a protocol, '${text}' names none`,
      fix: `Write tcp:${text} or udp:${text}`,
    };
  const split = splitHost(rest);
  if ('refused' in split) return split;
  const host = readHost(split.host);
  if ('refused' in host) return host;
  return withPorts(protocol, host, split.ports);
}

/** A target as it is written: the inverse of `readTarget`. */
export function writeTarget({ protocol, host, ports }: NetTarget): string {
  const prefix = protocol === null ? '' : `${protocol}:`;
  const range = writePorts(ports);
  if (host.kind === 'any') return `${prefix}${protocol === null ? '*:' : ''}${range}`;
  return `${prefix}${writeHost(host)}${range === '*' ? '' : `:${range}`}`;
}

/** Ports as they are written. */
export function writePorts({ first, last }: PortRange): string {
  return first === 0 && last === 65535 ? '*' : first === last ? `${first}` : `${first}-${last}`;
}

/** A host as it is written. */
export function writeHost(host: HostPattern): string {
  if (host.kind === 'any') return '*';
  if (host.kind !== 'cidr') return host.name;
  const whole = host.prefix === (host.family === 4 ? 32 : 128);
  return `${host.family === 6 ? `[${host.address}]` : host.address}${whole ? '' : `/${host.prefix}`}`;
}

function isPorts(text: string): boolean {
  return /^[0-9]+(-[0-9]+)?$/.test(text);
}

function splitHost(text: string): { readonly host: string; readonly ports: string } | Refusal {
  if (text.startsWith('[')) {
    const match = /^(\[[^\]]*\](?:\/[0-9]+)?)(?::(.*))?$/.exec(text);
    return match === null
      ? { refused: `The bracket in '${text}' is not closed`, fix: 'Write [address]:port' }
      : { host: match[1]!, ports: match[2] ?? '*' };
  }
  const colons = text.split(':').length - 1;
  if (colons > 1) {
    return readIpv6(text.replace(/\/[0-9]+$/, '')) === null
      ? { refused: `'${text}' has too many colons`, fix: 'Write it as protocol:host:port' }
      : { refused: `An IPv6 address stands in brackets, '${text}' does not`, fix: `Write [${text}]` };
  }
  const [host, ports] = text.split(':') as [string, string | undefined];
  return { host, ports: ports ?? '*' };
}

function readHost(text: string): HostPattern | Refusal {
  if (text === '') return { refused: 'A host is missing here', fix: 'Write * for any host' };
  if (text === '*') return { kind: 'any' };
  const name = CLASSES.find((candidate) => candidate === text);
  if (name !== undefined) return { kind: 'class', name };
  const slash = text.lastIndexOf('/');
  const base = slash < 0 ? text : text.slice(0, slash);
  const address = base.startsWith('[') ? readIpv6(base.slice(1, -1)) : readIpv4(base);
  if (address !== null) return readNetwork(address, slash < 0 ? null : text.slice(slash + 1), text);
  if (base.startsWith('['))
    return { refused: `'${text}' is not an IPv6 address`, fix: 'Write the address without a zone' };
  if (slash >= 0)
    return {
      refused: `'${text}' is not a network`,
      fix: 'Write four numbers and a prefix length, such as 192.0.2.0/24',
    };
  if (looksLikeIpv4(base)) {
    return {
      refused: `An IPv4 address has four decimal numbers without leading zeros, '${text}' has not`,
      fix: 'Write it as 192.0.2.1',
    };
  }
  return readName(text);
}

function readNetwork(address: Address, length: string | null, text: string): HostPattern | Refusal {
  const bits = address.family === 4 ? 32 : 128;
  if (length !== null && (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > bits)) {
    return { refused: `A prefix length is a number from 0 to ${bits}, '${text}' has another` };
  }
  const prefix = length === null ? bits : Number(length);
  if (!isNetwork(address, prefix)) {
    return {
      refused: `'${text}' has address bits after its prefix`,
      fix: 'Write the first address of the network, or a single address without a prefix',
    };
  }
  const v4 = mappedIpv4(address);
  if (v4 !== null) {
    const inner = prefix - 96;
    return {
      refused: `'${text}' is an IPv4 address in IPv6 form`,
      fix: `Write ${v4.text}${inner === 32 ? '' : `/${inner}`}`,
    };
  }
  return { kind: 'cidr', family: address.family, address: address.text, prefix };
}

function readName(text: string): HostPattern | Refusal {
  const bare = text.toLowerCase().replace(/\.$/, '');
  const labels = bare.split('.');
  const rest = labels[0] === '*' ? labels.slice(1) : labels;
  const good =
    rest.length > 0 &&
    bare.length <= 253 &&
    rest.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  if (!good) {
    const fix = bare.includes('*')
      ? 'A * stands alone at the beginning, such as *.example.com'
      : 'Write a host name, an address, a network or one of loopback, private, link-local, multicast';
    return { refused: `'${text}' is not a host name`, fix };
  }
  if (/^([0-9]+|0x[0-9a-f]*)$/.test(rest.at(-1)!))
    return {
      refused: `A host name does not end in a number, '${text}' does`,
      fix: 'Write an address as 192.0.2.1',
    };
  return { kind: 'name', name: bare };
}

function withPorts(protocol: 'tcp' | 'udp' | null, host: HostPattern, text: string): NetTarget | Refusal {
  if (text === '*') return { protocol, host, ports: ANY_PORT };
  const match = /^(0|[1-9][0-9]*)(?:-(0|[1-9][0-9]*))?$/.exec(text);
  if (match === null)
    return {
      refused: `'${text}' is not a port`,
      fix: 'Write a number from 0 to 65535, a range such as 8000-8010, or *',
    };
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (first > 65535 || last > 65535)
    return { refused: `A port is a number from 0 to 65535, '${text}' is not` };
  if (last < first)
    return { refused: `The range '${text}' ends before it begins`, fix: `Write ${last}-${first}` };
  return { protocol, host, ports: { first, last } };
}
