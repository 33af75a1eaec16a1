/**
 * Which network rules cover a request, and how much of it each pins: first the host (name or exact address, then
 * the longer prefix, then a class, then any), then the narrower range of ports.
 *
 * A name opens no address that a rule about addresses closes: who answers for a name could otherwise let it mean any
 * host.
 */

import { LandwardError } from '../../errors.ts';
import {
  type Address,
  contains,
  destination,
  inClass,
  isIpv4,
  isUnspecified,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../addresses.ts';
import type { HostPattern, NetRule, Request } from '../rules.ts';
import { type Candidate, isClosed, winner } from './precedence.ts';

type NetRequest = Extract<Request, { kind: 'net' }>;

/** A network rule with its prefix read. */
export interface IndexedNet {
  readonly rule: NetRule;
  readonly prefix: Prefix | null;
}

/**
 * Reads the addresses of network rules.
 *
 * @throws LandwardError `POLICY_INVALID` for an address or prefix length that is none
 */
export function indexNet(rules: readonly NetRule[]): IndexedNet[] {
  return rules.map((rule) => {
    if (rule.host.kind !== 'cidr') return { rule, prefix: null };
    const prefix = parsePrefix(rule.host.address, rule.host.prefix);
    if (prefix === null) {
      throw new LandwardError('POLICY_INVALID', 'Host is neither an address nor a prefix', {
        part: `${rule.host.address}/${rule.host.prefix}`,
        at: rule.origin,
      });
    }
    return { rule, prefix };
  });
}

/** Room for every prefix length and number of labels. */
const DETAIL = 1024;
const PORTS = 65_536;

/**
 * The rules that cover a request.
 *
 * An address that a connection really ends at decides (`0.0.0.0` is this host). Binding to `0.0.0.0` or `::`
 * binds every address, so whatever closes some of them closes it, unless a rule names it.
 *
 * @throws LandwardError `USAGE` for an address that is none
 */
export function coverNet(index: readonly IndexedNet[], request: NetRequest): Candidate<NetRule>[] {
  const address = request.address === undefined ? null : readAddress(request);
  const name = request.name === undefined ? null : normalName(request.name);
  const found: Candidate<NetRule>[] = [];
  for (const { rule, prefix } of index) {
    if (rule.right !== request.right || request.port < rule.ports.first || request.port > rule.ports.last) {
      continue;
    }
    const host = hostPins(rule, prefix, address, name);
    if (host === null) continue;
    const width = rule.ports.last - rule.ports.first;
    found.push({ rule, pins: host * PORTS + (PORTS - 1 - width) });
  }
  if (!closesAddress(index, found)) return found;
  return found.filter(({ rule }) => !opensName(rule) || namesLoopback(rule, address));
}

/** `localhost` is no name that somebody else answers for: who allows it means this host, and nothing else by that name. */
function namesLoopback({ host }: NetRule, address: Address | null): boolean {
  if (host.kind !== 'name' || !/(^|\.)localhost$/.test(normalName(host.name))) return false;
  return address === null || inClass('loopback', destination(address));
}

function opensName(rule: NetRule): boolean {
  return rule.host.kind === 'name' && !isClosed(rule.verdict);
}

/** Whether the rules about some addresses, taken by themselves, close the request. */
function closesAddress(index: readonly IndexedNet[], found: readonly Candidate<NetRule>[]): boolean {
  const everybody = new Set(
    index.flatMap(({ rule, prefix }) => (prefix !== null && isWhole(prefix) ? [rule] : [])),
  );
  const about = found.filter(
    ({ rule }) => (rule.host.kind === 'class' || rule.host.kind === 'cidr') && !everybody.has(rule),
  );
  const decisive = winner(about);
  return decisive !== undefined && isClosed(decisive.rule.verdict);
}

/** Whether a prefix holds every address of its family, which says no more than "any". */
function isWhole(prefix: Prefix): boolean {
  return prefix.length === 0 || (prefix.length === 96 && isIpv4(prefix));
}

function readAddress(request: NetRequest): Address {
  const address = parseAddress(request.address!);
  if (address === null) {
    throw new LandwardError('USAGE', 'Address is neither IPv4 nor IPv6', { part: request.address });
  }
  return address;
}

function normalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function hostPins(
  rule: NetRule,
  prefix: Prefix | null,
  address: Address | null,
  name: string | null,
): number | null {
  const host: HostPattern = rule.host;
  switch (host.kind) {
    case 'any':
      return 0;
    case 'class': {
      const named = host.name === 'loopback' && name !== null && /(^|\.)localhost$/.test(name);
      const held = address !== null && reaches(rule, address, (one) => inClass(host.name, one));
      return named || held || (address !== null && bindsAll(rule, address)) ? DETAIL : null;
    }
    case 'cidr': {
      if (address === null) return null;
      if (reaches(rule, address, (one) => contains(prefix!, one))) {
        return prefix!.length === 128 ? 3 * DETAIL + DETAIL - 1 : 2 * DETAIL + prefix!.length;
      }
      const shared = address.family === 6 || isIpv4(prefix!);
      return shared && bindsAll(rule, address) ? 2 * DETAIL + prefix!.length : null;
    }
    case 'name': {
      if (name === null) return null;
      const wanted = normalName(host.name);
      if (wanted === '*') return 3 * DETAIL;
      if (!wanted.startsWith('*.')) return name === wanted ? 3 * DETAIL + DETAIL - 1 : null;
      if (!name.endsWith(wanted.slice(1)) || name.length <= wanted.length - 1) return null;
      return 3 * DETAIL + Math.min(wanted.split('.').length, DETAIL - 2);
    }
  }
}

/** A connection is judged by where it ends; what closes the address as written closes it too. */
function reaches(rule: NetRule, address: Address, holds: (address: Address) => boolean): boolean {
  if (rule.right.startsWith('net.bind_')) return holds(address);
  return holds(destination(address)) || (isClosed(rule.verdict) && holds(address));
}

/** Whether the request binds every address and the rule closes some of them. */
function bindsAll(rule: NetRule, address: Address): boolean {
  return rule.right.startsWith('net.bind_') && isUnspecified(address) && isClosed(rule.verdict);
}
