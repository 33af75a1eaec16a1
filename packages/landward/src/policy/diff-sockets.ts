/**
 * What changes in what the layers say about sockets. Every layer of a policy binds all of its programs, so that what one
 * of them asks for is asked for: only whom the rules bind is told layer by layer.
 */

import type { RuleLayer, SocketControl, SocketKindRule } from '../model/rules.ts';
import { writeSocketKind } from './socket-text.ts';

/** One answer before and after, and whether the new one may let something through that the old one did not. */
export interface SocketChange {
  readonly setting: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly wider: boolean;
}

/** The changes, equal ones included: whoever compares drops them. */
export function diffSockets(before: readonly RuleLayer[], after: readonly RuleLayer[]): SocketChange[] {
  const [old, next] = [controls(before), controls(after)];
  const [from, to] = [subjects(before), subjects(after)];
  const [kinds, nextKinds] = [kindsOf(old), kindsOf(next)];
  const [spared, nextSpared] = [sparedBy(old), sparedBy(next)];
  return [
    {
      setting: 'net.subject',
      from: from.join(', '),
      to: to.join(', '),
      wider: !to.every((one) => one === 'both'),
    },
    {
      setting: 'net.aim',
      from: aimOf(old),
      to: aimOf(next),
      wider: aimOf(next) === 'any',
    },
    { setting: 'net.lock', from: locks(old), to: locks(next), wider: !locks(next) },
    {
      setting: 'net.revalidate',
      from: spared,
      to: nextSpared,
      wider: spared !== null && (nextSpared === null || !nextSpared.every((fd) => spared.includes(fd))),
    },
    {
      setting: 'net.sockets',
      from: shown(kinds),
      to: shown(nextKinds),
      wider: kinds.some(
        (list) => !nextKinds.some((one) => one.every((kind) => list.some((wide) => covers(wide, kind)))),
      ),
    },
  ];
}

function controls(layers: readonly RuleLayer[]): readonly SocketControl[] {
  return layers.flatMap(({ sockets }) => (sockets === undefined ? [] : [sockets]));
}

/** Whom the rules bind, of the layers that have any say about addresses. */
function subjects(layers: readonly RuleLayer[]): readonly string[] {
  const said = layers
    .filter(({ categories }) => categories.includes('net'))
    .map(({ sockets }) => sockets?.subject ?? 'caller');
  return [...new Set(said)].sort();
}

function aimOf(list: readonly SocketControl[]): 'any' | 'own' {
  return list.some(({ aim }) => aim === 'own') ? 'own' : 'any';
}

function locks(list: readonly SocketControl[]): boolean {
  return list.some(({ lock }) => lock);
}

/** The descriptors that every layer that looks twice spares; `null` where none looks twice. */
function sparedBy(list: readonly SocketControl[]): readonly number[] | null {
  const lists = list.flatMap(({ revalidate }) => (revalidate === undefined ? [] : [revalidate.exempt]));
  const [first, ...rest] = lists;
  return first?.filter((fd) => rest.every((other) => other.includes(fd))) ?? null;
}

function kindsOf(list: readonly SocketControl[]): readonly (readonly SocketKindRule[])[] {
  return list.flatMap((control) => (control.create === undefined ? [] : [control.create]));
}

function shown(lists: readonly (readonly SocketKindRule[])[]): readonly (readonly string[])[] {
  return lists.map((list) => [...new Set(list.map(writeSocketKind))].sort());
}

function covers(wide: SocketKindRule, kind: SocketKindRule): boolean {
  return (
    wide.family === kind.family &&
    (wide.type === null || wide.type === kind.type) &&
    (wide.protocol === null || wide.protocol === kind.protocol)
  );
}
