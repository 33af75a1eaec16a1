/**
 * What a layer says about sockets beyond addresses and ports: `subject`, `aim`, `lock`, `revalidate` and `sockets` of `[net]`.
 *
 * Owns how the texts of one layer compose. Kinds of sockets are grants, so they add up; everything else takes the strictest
 * that was said. Between layers nothing composes here: every layer is asked.
 */

import type { SocketControl, SocketKindRule } from '../model/rules.ts';
import { isRefusal } from './expand.ts';
import type { Problems } from './problems.ts';
import { readSocketKind } from './socket-text.ts';
import type { PolicyText } from './texts.ts';
import { booleanAt, entry, items, stringAt, type TableNode, tableAt } from './tree.ts';

/** Descriptors that `revalidate` spares where a policy does not say: what a program is started with. */
export const EXEMPT: readonly number[] = [0, 1, 2];

/** Keys of `[net]` that say nothing about addresses: a limit that has only these leaves addresses and ports alone. */
const CONTROLS: ReadonlySet<string> = new Set(['aim', 'lock', 'revalidate', 'sockets']);

/** Whether a `[net]` speaks about addresses and ports: an empty one does, and denies all. */
export function speaksOfAddresses(net: TableNode | undefined): boolean {
  return net !== undefined && (net.entries.length === 0 || net.entries.some(({ key }) => !CONTROLS.has(key)));
}

/** What the texts of a layer say; `undefined` where that is what every layer says. */
export function socketsOf(texts: readonly PolicyText[], problems: Problems): SocketControl | undefined {
  const tables = texts.flatMap((text) => {
    const net = tableAt(text.tree, 'net');
    return net === undefined ? [] : [{ text, net }];
  });
  const nets = tables.map(({ net }) => net);
  const subject = subjectOf(nets);
  const aim = nets.some((net) => stringAt(net, 'aim') === 'own') ? 'own' : 'any';
  const lock = nets.some((net) => booleanAt(net, 'lock') === true);
  const exempt = exemptOf(nets);
  const create = createOf(tables, problems);
  if (subject === 'caller' && aim === 'any' && !lock && exempt === undefined && create === undefined)
    return undefined;
  const said = tables.findLast(({ net }) =>
    net.entries.some(({ key }) => key === 'subject' || CONTROLS.has(key)),
  )!;
  const { preset } = said.text;
  const place = said.net.entries.find(({ key }) => key === 'subject' || CONTROLS.has(key))!.keyPlace;
  return {
    subject,
    aim,
    lock,
    ...(exempt === undefined ? {} : { revalidate: { exempt } }),
    ...(create === undefined ? {} : { create }),
    origin: preset === undefined ? place.at : { ...place.at, preset },
  };
}

function subjectOf(nets: readonly TableNode[]): SocketControl['subject'] {
  const said = new Set(nets.map((net) => stringAt(net, 'subject')).filter((value) => value !== undefined));
  if (said.has('both') || (said.has('caller') && said.has('socket'))) return 'both';
  return said.has('socket') ? 'socket' : 'caller';
}

/** What is spared by all texts that ask for the second look. */
function exemptOf(nets: readonly TableNode[]): readonly number[] | undefined {
  const lists = nets.flatMap((net): readonly (readonly number[])[] => {
    const node = entry(net, 'revalidate');
    if (node?.kind === 'boolean') return node.value ? [EXEMPT] : [];
    if (node?.kind !== 'table') return [];
    const list = entry(node, 'exempt');
    if (list === undefined) return [EXEMPT];
    return [items(list).flatMap((item) => (item.kind === 'number' ? [item.value] : []))];
  });
  if (lists.length === 0) return undefined;
  const [first, ...rest] = lists as [readonly number[], ...(readonly number[])[]];
  const kept = first.filter((fd) => rest.every((list) => list.includes(fd)));
  return [...new Set(kept)].sort((a, b) => a - b);
}

function createOf(
  tables: readonly { readonly text: PolicyText; readonly net: TableNode }[],
  problems: Problems,
): readonly SocketKindRule[] | undefined {
  const lists = tables.flatMap(({ text, net }) => {
    const list = entry(net, 'sockets');
    return list === undefined ? [] : [{ text, list }];
  });
  if (lists.length === 0) return undefined;
  const found = new Map<string, SocketKindRule>();
  for (const { text, list } of lists) {
    for (const item of items(list)) {
      if (item.kind !== 'string') continue;
      const kinds = readSocketKind(item.value);
      if (isRefusal(kinds)) {
        problems.add(item, kinds.refused, { part: item.value, fix: kinds.fix });
        continue;
      }
      const origin = text.preset === undefined ? item.at : { ...item.at, preset: text.preset };
      for (const kind of kinds) {
        const key = `${kind.family}/${kind.type}/${kind.protocol}`;
        if (!found.has(key)) found.set(key, { ...kind, origin });
      }
    }
  }
  return [...found.values()];
}
