/**
 * What layers say about sockets beyond addresses and ports: which of it the kernel or the filter holds, and which only a
 * supervisor can.
 *
 * Owns the gaps of it, the list of kinds that the filter gets, and which layers' ports the kernel must not be told: the kernel
 * binds whoever calls, which is another rule than one about where a socket was made.
 */

import { intersectKinds, type SocketKind } from '../filter/spec.ts';
import { canonicalTriple } from '../model/features/index.ts';
import type { SocketControl, SocketKindRule } from '../model/rules.ts';
import { AF, SOCK_TYPE_MASK } from '../uapi/socket.ts';
import type { LocatedLayer } from './compile-facts.ts';
import type { GapList } from './compile-gaps.ts';

export interface SocketsResult {
  /** The layers whose ports the kernel is told. */
  readonly kernel: readonly LocatedLayer[];
  /** The kinds of sockets that may be made, as the numbers of a call; absent where no layer lists any. */
  readonly create?: readonly SocketKind[];
  /** What stays possible. */
  readonly residual: readonly string[];
}

/** Compiles what the layers say about sockets, and notes what this host cannot hold. */
export function compileSockets(layers: readonly LocatedLayer[], gaps: GapList): SocketsResult {
  const speaking = layers.flatMap((layer) =>
    layer.sockets === undefined ? [] : [{ layer, control: layer.sockets }],
  );
  for (const { layer, control } of speaking) controlGaps(layer, control, gaps);
  const lists = speaking.flatMap(({ control }) => (control.create === undefined ? [] : [control.create]));
  const bySocket = (layer: LocatedLayer) => layer.sockets?.subject === 'socket';
  return {
    kernel:
      gaps.holds('net.subject') && layers.some(bySocket)
        ? layers.filter((layer) => !bySocket(layer))
        : layers,
    ...(lists.length === 0 ? {} : { create: lists.map(kindsOf).reduce(intersectKinds) }),
    residual: residualOf(
      speaking.map(({ control }) => control),
      gaps,
    ),
  };
}

function controlGaps(
  layer: LocatedLayer,
  { subject, aim, lock, revalidate }: SocketControl,
  gaps: GapList,
): void {
  const of = `of '${layer.name}'`;
  if (subject !== 'caller') {
    gaps.add('net.subject', {
      lost: `the caller decides on a socket, not '${subject}' as the network rules ${of} say`,
    });
    // Told of each rule, so that the account of rules says who holds them.
    if (subject === 'socket' && gaps.holds('net.subject'))
      for (const { rule } of layer.rules) if (rule.kind === 'net') gaps.add('net.subject', { rule });
  }
  if (aim === 'own')
    gaps.add('net.aim', {
      lost: `sockets that were made outside can be aimed anew, against aim = "own" ${of}`,
    });
  if (lock) gaps.add('net.lock', { lost: `sockets that listen can be dissolved, against lock = true ${of}` });
  if (revalidate !== undefined)
    gaps.add('net.revalidate', {
      lost: `sockets that were made outside are used as they are, against revalidate ${of}`,
    });
}

function residualOf(controls: readonly SocketControl[], gaps: GapList): string[] {
  const found: string[] = [];
  if (controls.some(({ subject }) => subject === 'socket') && gaps.holds('net.subject'))
    found.push(
      'sockets from outside (inherited, or received over a UNIX socket) can be bound and connected to anything, as subject = "socket" says',
    );
  if (controls.some(({ subject }) => subject !== 'caller') && gaps.holds('net.subject'))
    found.push(
      'a socket that is handed to a process outside is bound by the rules of that process, since only calls of the programs inside are asked about',
    );
  if (controls.some(({ create }) => create !== undefined))
    found.push(
      'the list of kinds of sockets is about making them: sockets that are accepted, inherited or received are not asked about',
    );
  return found;
}

const TYPES = Array.from({ length: SOCK_TYPE_MASK + 1 }, (_, type) => type);

/** The calls that make sockets of the listed kinds, as numbers that a filter can compare. */
function kindsOf(rules: readonly SocketKindRule[]): readonly SocketKind[] {
  return rules.flatMap(callsOf);
}

/** A kind as calls have it: the kernel's default protocol is asked for as 0, too, and old names mean newer ones. */
function callsOf({ family, type, protocol }: SocketKindRule): SocketKind[] {
  const own = aliases(family).flatMap((asked) => {
    // What names another family by its type is that family's.
    const types = type === null && protocol === null && !hasAliases(asked) ? null : TYPES;
    if (types === null) return [{ family: asked, type: 'any', protocol: 'any' } as const];
    return types.flatMap((value) => protocolsOf(asked, value, { family, type, protocol }));
  });
  return own;
}

function hasAliases(family: number): boolean {
  return family === AF.INET || family === AF.UNIX;
}

/** Families under which a call may ask for sockets of a family. */
function aliases(family: number): readonly number[] {
  return family === AF.PACKET ? [AF.PACKET, AF.INET] : [family];
}

/** The protocols with which a call of this family and type makes a socket of the kind. */
function protocolsOf(
  family: number,
  type: number,
  kind: { readonly family: number; readonly type: number | null; readonly protocol: number | null },
): SocketKind[] {
  const made = (protocol: number) => canonicalTriple({ family, type, protocol });
  const fits = (protocol: number) => {
    const triple = made(protocol);
    return triple.family === kind.family && (kind.type === null || triple.type === kind.type);
  };
  // No protocol changes the family or the type.
  if (!fits(0)) return [];
  if (kind.protocol === null) return [{ family, type, protocol: 'any' }];
  return [...new Set([0, AF.UNIX, kind.protocol])]
    .filter((protocol) => made(protocol).protocol === kind.protocol)
    .map((protocol) => ({ family, type, protocol }));
}
