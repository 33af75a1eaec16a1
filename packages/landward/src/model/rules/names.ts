/**
 * Host names before anybody connects: whether rules could let a program reach a name, and which answers of a name server
 * are believed.
 *
 * Owns no precedence: every answer is that of `decideIndexed` for requests that rules speak of.
 */

import { type Address, inClass, isUnspecified, parseAddress } from '../addresses.ts';
import { decideIndexed, type RuleIndex } from '../decide-rules.ts';
import type { NetRule, RulesDecision } from '../rules.ts';
import { isClosed } from './precedence.ts';

/** Rights and ports at which rules begin and end to open something. */
function edges(index: RuleIndex): readonly Pick<NetRule, 'right' | 'ports'>[] {
  return index.layers.flatMap(({ net }) =>
    net.flatMap(({ rule }) => (isClosed(rule.verdict) || rule.right.startsWith('net.bind_') ? [] : [rule])),
  );
}

function reach(
  index: RuleIndex,
  host: { readonly name: string } | { readonly address: string },
): RulesDecision {
  let best: RulesDecision | undefined;
  for (const { right, ports } of edges(index))
    for (const port of new Set([ports.first, ports.last])) {
      const decision = decideIndexed(index, { kind: 'net', right, port, ...host });
      if (!isClosed(decision.verdict)) return decision;
      best ??= decision;
    }
  return best ?? decideIndexed(index, { kind: 'net', right: 'net.connect_tcp', port: 443, ...host });
}

/**
 * Whether a program may ask what a name means: at some port, a rule could let it reach the name.
 *
 * @param name without a trailing dot
 * @returns the decision that opens the name, or the one to blame
 * @example decideName(index, 'api.example.com').verdict
 */
export function decideName(index: RuleIndex, name: string): RulesDecision {
  return reach(index, { name });
}

/**
 * Whether an answer of a name server is believed. Addresses of this host, of this network and of no host at all are only
 * where the policy allows them by themselves: otherwise whoever answers for a name could point it at them.
 */
export function believesAnswer(index: RuleIndex, address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === null) return false;
  return !isInner(parsed) || !isClosed(decideAddress(index, address).verdict);
}

/** Whether some rule could let a program reach an address, at some port, by no name. */
export function decideAddress(index: RuleIndex, address: string): RulesDecision {
  return reach(index, { address });
}

const CLASSES = ['loopback', 'private', 'link-local', 'multicast'] as const;
const MAPPED = 0xffffn;

/** Addresses that no host of the Internet has. */
function isInner(address: Address): boolean {
  if (isUnspecified(address) || CLASSES.some((name) => inClass(name, address))) return true;
  if (address.family === 4) {
    const first = Number((address.bits >> 24n) & 0xffn);
    const second = Number((address.bits >> 16n) & 0xffn);
    // This network, shared address space, reserved and broadcast.
    return first === 0 || (first === 100 && second >= 64 && second < 128) || first >= 240;
  }
  const top = address.bits >> 96n;
  // Forms that hold an IPv4 address: compatible ones, and those that a gateway translates.
  const embeds = address.bits >> 32n === 0n || top === 0x64ff9bn || address.bits >> 112n === 0x2002n;
  return embeds || address.bits >> 118n === 0x3fbn || address.bits >> 32n === MAPPED;
}
