/**
 * The network half of a ruleset: which ports each right gets, and what of the policy a port cannot say.
 *
 * Landlock knows ports, not hosts, and has no deny. Owns that reduction; sockets that no right covers are the filter's
 * business (`compile-filter.ts`).
 */

import type { NetRule, Origin } from '../model/rules.ts';
import { type AbiRow, NET_RIGHTS, type NetRight } from '../uapi/landlock.ts';
import { netMask } from '../uapi/masks.ts';
import type { LocatedLayer } from './compile-facts.ts';
import type { GapList } from './compile-gaps.ts';
import type { PortAccess } from './plan.ts';

const PORTS = 65536;

/** Which ports a right gives: none, some, or all, so that it need not be handled. */
export type Reach = 'none' | 'some' | 'all';

export interface NetResult {
  /** Whether the policy speaks about the network at all. */
  readonly restricted: boolean;
  readonly handled: number;
  readonly ports: readonly PortAccess[];
  readonly reach: Readonly<Record<NetRight, Reach>>;
  /** Whether port 0, "any free port", may be bound. */
  readonly freePort: boolean;
}

const names = Object.keys(NET_RIGHTS) as readonly NetRight[];

/** Compiles the network rules of all layers. */
export function compileNet(layers: readonly LocatedLayer[], row: AbiRow, gaps: GapList): NetResult {
  const speaking = layers.flatMap((layer) => {
    const rules = layer.rules.flatMap(({ rule }) => (rule.kind === 'net' ? [rule] : []));
    return layer.categories.includes('net') || rules.length > 0
      ? [{ listed: layer.categories.includes('net'), rules }]
      : [];
  });
  const restricted = speaking.length > 0;
  const allowed = new Map(names.map((right) => [right, allowedPorts(right, speaking, gaps)]));
  const reach = Object.fromEntries(names.map((right) => [right, reachOf(allowed.get(right)!)])) as Record<
    NetRight,
    Reach
  >;
  const known = names.filter((right) => netMask(right) & row.net);
  const handled = netMask(...known.filter((right) => reach[right] !== 'all'));
  if (restricted && row.abi > 0) rightGaps(reach, row, gaps);
  const sources = speaking.flatMap(({ rules }) => rules.filter((rule) => rule.verdict === 'allow'));
  return {
    restricted,
    handled,
    ports: portRules(
      known.filter((right) => reach[right] === 'some'),
      allowed,
      sources,
    ),
    reach,
    freePort: allowed.get('net.bind_tcp')![0] === 1,
  };
}

/** TCP or UDP that is allowed in part needs the kernel; what is not allowed at all is no socket at all. */
function rightGaps(reach: Readonly<Record<NetRight, Reach>>, row: AbiRow, gaps: GapList): void {
  if (
    row.abi < NET_RIGHTS['net.bind_tcp'].abi &&
    isPartial(reach['net.bind_tcp'], reach['net.connect_tcp'])
  ) {
    gaps.add('net.tcp');
  }
  if (
    row.abi < NET_RIGHTS['net.bind_udp'].abi &&
    isPartial(reach['net.bind_udp'], reach['net.connect_send_udp'])
  ) {
    gaps.add('net.udp');
  }
}

/** Whether a protocol is neither wholly open nor wholly closed. */
export function isPartial(bind: Reach, connect: Reach): boolean {
  return !(bind === connect && bind !== 'some');
}

interface Speaking {
  readonly listed: boolean;
  readonly rules: readonly NetRule[];
}

/** One byte a port: 1 where every layer allows it. */
function allowedPorts(right: NetRight, layers: readonly Speaking[], gaps: GapList): Uint8Array {
  const allowed = new Uint8Array(PORTS).fill(1);
  for (const layer of layers) {
    const own = layerPorts(
      layer.rules.filter((rule) => rule.right === right),
      layer.listed,
      gaps,
    );
    if (own === 'all') continue;
    if (own === 'none') allowed.fill(0);
    else for (let port = 0; port < PORTS; port++) allowed[port]! &= own[port]!;
  }
  return allowed;
}

/** The ports of one layer; a layer without rules for the right says all or none without a table. */
function layerPorts(rules: readonly NetRule[], listed: boolean, gaps: GapList): Uint8Array | 'all' | 'none' {
  if (rules.length === 0) return listed ? 'none' : 'all';
  const ports = new Uint8Array(PORTS);
  if (!listed) ports.fill(1);
  const width = (rule: NetRule) => rule.ports.last - rule.ports.first;
  const strictness = (rule: NetRule) => (rule.verdict === 'allow' ? 0 : 1);
  // Painted from wide to narrow and from open to strict, so that the winner is painted last.
  const anyHost = rules
    .filter((rule) => rule.host.kind === 'any')
    .sort((a, b) => width(b) - width(a) || strictness(a) - strictness(b));
  // Ports that a rule closes for every host, as opposed to those that no rule opens.
  const closed = new Uint8Array(PORTS);
  for (const rule of anyHost) {
    const open = rule.verdict === 'allow';
    paint(ports, rule, open ? 1 : 0);
    paint(closed, rule, open ? 0 : 1);
    if (rule.verdict === 'ask') gaps.add('net.ask', { rule });
  }
  const oneHost = rules.filter((rule) => rule.host.kind !== 'any');
  for (const rule of oneHost.filter((candidate) => candidate.verdict === 'allow')) {
    if (covers(ports, rule, 1)) continue;
    gaps.add('net.host', { rule });
    const denied = !covers(closed, rule, 0);
    if (denied)
      gaps.add('net.deny', { rule, lost: 'a port that is denied for every other host is open to all' });
    if (gaps.accepts('net.host') && (!denied || gaps.accepts('net.deny'))) paint(ports, rule, 1);
  }
  for (const rule of oneHost.filter((candidate) => candidate.verdict !== 'allow')) {
    if (rule.verdict === 'ask') gaps.add('net.ask', { rule });
    if (covers(ports, rule, 0)) continue;
    gaps.add('net.deny', { rule });
    if (!gaps.accepts('net.deny')) paint(ports, rule, 0);
  }
  return ports;
}

function paint(ports: Uint8Array, rule: NetRule, value: 0 | 1): void {
  ports.fill(value, rule.ports.first, rule.ports.last + 1);
}

function covers(ports: Uint8Array, rule: NetRule, value: 0 | 1): boolean {
  const other = ports.indexOf(value ^ 1, rule.ports.first);
  return other < 0 || other > rule.ports.last;
}

function reachOf(ports: Uint8Array): Reach {
  const open = ports.includes(1);
  if (!open) return 'none';
  return ports.includes(0) ? 'some' : 'all';
}

function portRules(
  rights: readonly NetRight[],
  allowed: ReadonlyMap<NetRight, Uint8Array>,
  sources: readonly NetRule[],
): PortAccess[] {
  const edges = new Set<number>([0]);
  for (const { ports } of sources) edges.add(ports.first).add(ports.last + 1);
  const rules: PortAccess[] = [];
  let origins: readonly Origin[] = [];
  if (rights.length === 0) return rules;
  for (let port = 0; port < PORTS; port++) {
    if (edges.has(port)) {
      origins = sources
        .filter(({ ports }) => ports.first <= port && port <= ports.last)
        .map((rule) => rule.origin);
    }
    let access = 0;
    for (const right of rights) if (allowed.get(right)![port] === 1) access |= netMask(right);
    if (access !== 0) rules.push({ port, access, origins });
  }
  return rules;
}
