/**
 * The table that says what each mode means, made by asking the model: sockets made before a layer, inside it, passed in
 * and passed out, accepted ones, dissolving, and whether the one-layer TCP server withstands a hijacked worker.
 */

import { bug } from '../../errors.ts';
import { netMask } from '../../uapi/masks.ts';
import { linux } from '../landlock/behaviour.ts';
import { type Credential, UNRESTRICTED } from '../landlock/domain.ts';
import { restrictSelf } from '../landlock/restrict.ts';
import type { Result } from '../landlock/result.ts';
import { addPortRule, createRuleset } from '../landlock/ruleset.ts';
import { decideSocket } from './decide.ts';
import {
  type LayerSockets,
  PLAIN_SOCKETS,
  SOCKET_MODES,
  type SocketMode,
  type SocketRules,
} from './modes.ts';
import { accepted, type NetSocket, newSocket, perform, type SocketOperation } from './socket.ts';
import { transition } from './transition.ts';

/** One row: a mode, and what becomes of each kind of socket. */
export interface SocketRow {
  readonly mode: SocketMode;
  /** Made before the layer. */
  readonly before: string;
  /** Made inside. */
  readonly inside: string;
  /** Passed in from an unrestricted process. */
  readonly passedIn: string;
  /** Passed out, used by an unrestricted process. */
  readonly passedOut: string;
  readonly accepted: string;
  /** Dissolving a socket made before the layer, and aiming it anew. */
  readonly dissolve: string;
  /** Whether a hijacked worker of a server that restricts itself once can re-aim the listener. */
  readonly serverSafe: string;
}

const BEHAVIOUR = linux(11);
const GRANTED = 80;
const OTHER = 81;
const TCP = { family: 'inet', type: 'stream', protocol: 6 } as const;

const to = (kind: 'bind' | 'connect', port: number): SocketOperation => ({
  kind,
  address: { length: 16, family: 'inet', port },
});

function value<T>(result: Result<T>): T {
  return result.ok ? result.value : bug(`errno ${result.errno} in the table of socket modes`);
}

/** A task under one layer that handles TCP and grants some ports. */
function restricted(...ports: readonly number[]): Credential {
  const access = netMask('net.bind_tcp', 'net.connect_tcp');
  let ruleset = value(createRuleset(BEHAVIOUR, { handledNet: access }));
  for (const port of ports) ruleset = value(addPortRule(BEHAVIOUR, ruleset, { access, port }));
  const thread = { credential: UNRESTRICTED, noNewPrivs: true, sysAdmin: false };
  const fd = { kind: 'ruleset', ruleset, read: true, write: true } as const;
  return value(restrictSelf(BEHAVIOUR, thread, { fd, flags: 0 })).caller.credential;
}

const OPTED_IN: LayerSockets = {
  ...PLAIN_SOCKETS,
  granted: { bind: new Set([GRANTED]), connect: new Set([GRANTED]) },
  reconfigure: true,
  revalidate: true,
};

const rulesOf = (mode: SocketMode, layer: LayerSockets): SocketRules => ({
  behaviour: BEHAVIOUR,
  mode,
  layer: () => layer,
});

/** What a caller can do with a socket: `free`, `checked` against the ports, or `denied`. */
function word(rules: SocketRules, caller: Credential, socket: NetSocket): string {
  const may = (port: number) =>
    decideSocket(rules, { caller, socket, operation: to('connect', port) }).allowed;
  const words = [may(OTHER) ? 'free' : may(GRANTED) ? 'checked' : 'denied'];
  if (rules.mode === 'new-rights' && may(GRANTED)) {
    const ungranted = rulesOf(rules.mode, PLAIN_SOCKETS);
    const still = decideSocket(ungranted, { caller, socket, operation: to('connect', GRANTED) }).allowed;
    if (!still) words.push('new right');
  }
  if (rules.mode === 'transition') {
    if (transition(caller, socket, false).ok) words.push('convertible');
    else if (transition(caller, socket, true).ok) words.push('convertible by its only holder');
  }
  if (rules.mode === 'revalidate') {
    const aimed: NetSocket = { ...socket, state: 'connected', peer: OTHER };
    const use = decideSocket(rules, { caller, socket: aimed, operation: { kind: 'receive' }, fd: 3 });
    if (!use.allowed) words.push('at every use');
  }
  return words.join(', ');
}

/** Dissolving by AF_UNSPEC, then connecting elsewhere. */
function dissolveWord(rules: SocketRules, caller: Credential, socket: NetSocket): string {
  const operation = { kind: 'disassociate' } as const;
  if (!decideSocket(rules, { caller, socket, operation }).allowed) return 'denied';
  return `allowed, then ${word(rules, caller, socket).split(', ')[0]}`;
}

/** Whether no road leads a hijacked worker from its listener to another aim. The layer grants nothing. */
function withstands(rules: SocketRules, convert: boolean): boolean {
  const worker = restricted();
  let listener = newSocket(UNRESTRICTED, TCP);
  for (const step of [to('bind', GRANTED), { kind: 'listen' } as const])
    listener = value(perform(listener, step));
  if (convert) listener = value(transition(worker, listener, true));
  const roads: readonly SocketOperation[] = [
    { kind: 'disassociate' },
    { kind: 'shutdown', how: 'read' },
    { kind: 'shutdown', how: 'both' },
  ];
  return roads.every((road) => {
    if (!decideSocket(rules, { caller: worker, socket: listener, operation: road }).allowed) return true;
    const idle = value(perform(listener, road));
    return !decideSocket(rules, { caller: worker, socket: idle, operation: to('connect', OTHER) }).allowed;
  });
}

function rowOf(mode: SocketMode, layer: LayerSockets): SocketRow {
  const rules = rulesOf(mode, layer);
  const inside = restricted(GRANTED);
  const made = newSocket(UNRESTRICTED, TCP);
  const own = newSocket(inside, TCP);
  const listener: NetSocket = { ...made, state: 'listening', port: GRANTED };
  const connection: NetSocket = { ...accepted(listener, inside, OTHER), state: 'idle' };
  const safe = withstands(rules, false);
  const later = mode === 'transition' && !safe && withstands(rules, true);
  return {
    mode,
    before: word(rules, inside, made),
    inside: word(rules, inside, own),
    passedIn: word(rules, inside, made),
    passedOut: word(rules, UNRESTRICTED, own),
    accepted: word(rules, inside, connection),
    dissolve: dissolveWord(rules, inside, made),
    serverSafe: safe ? 'yes' : later ? 'after the transition' : 'no',
  };
}

/**
 * The table of modes.
 *
 * @returns one row a mode; in the mode `ruleset` a cell that depends on the layer's subject names both answers
 */
export function socketTable(): SocketRow[] {
  return SOCKET_MODES.map((mode) => {
    const row = rowOf(mode, OPTED_IN);
    if (mode !== 'ruleset') return row;
    const other = rowOf(mode, { ...OPTED_IN, subject: 'socket' });
    const cells = Object.entries(row).map(([column, cell]) => {
      const second = other[column as keyof SocketRow];
      return [column, cell === second ? cell : `caller: ${cell}; socket: ${second}`];
    });
    return Object.fromEntries(cells) as SocketRow;
  });
}
