/**
 * What the layers of a run say about its sockets: which of them have a say about an address, what they refuse whatever the
 * address is, and what they ask again when a socket from outside is used.
 *
 * Decides nothing itself: the answers are `model/rules/sockets`. Owns the translation of questions, and whose credential is
 * told to have said no.
 */

import type { DenialSide } from '../model/denial.ts';
import {
  asksAgain,
  type ControlRefusal,
  decideControls,
  decideCreate,
  type RunSocket,
  sideOf,
} from '../model/rules/sockets.ts';
import type { Request, RulesDecision } from '../model/rules.ts';
import { dissolves } from '../model/sockets/index.ts';
import type { Question } from './authority.ts';
import type { Decided } from './decided.ts';
import type { Run } from './run.ts';
import { looksAt, runSocket } from './sockets/made.ts';

type NetQuestion = Extract<Question, { kind: 'net' }>;
type UseQuestion = Extract<Question, { kind: 'socket' }>;
type CreateQuestion = Extract<Question, { kind: 'socket-create' }>;

/** What the layers said about a socket. Allowed is errno 0. */
export interface SocketVerdict {
  readonly errno: number;
  readonly decision?: RulesDecision;
  readonly missing?: readonly string[];
  readonly side?: DenialSide;
  readonly made?: 'inside' | 'outside';
}

const FREE: SocketVerdict = { errno: 0 };

/** Which layers have a say about the address of a question, and for whom each would say no; `null` where all have, as ever. */
export function sidesOf(run: Run, question: NetQuestion): readonly (DenialSide | null)[] | null {
  if (!looksAt(run)) return null;
  const socket = runSocket(run, question.socket);
  return run.layers.map((layer, index) => sideOf(layer, index, socket));
}

/** What refuses to aim a socket, whatever the address is; `null` where nothing does. */
export function refusedAim(run: Run, question: NetQuestion): SocketVerdict | null {
  // That it listens is a question of its own.
  if (!looksAt(run) || question.implied === true) return null;
  const use = question.right.startsWith('net.bind') ? 'bind' : 'connect';
  const refusal = decideControls(run.layers, runSocket(run, question.socket), use);
  return refusal === null ? null : refused(refusal, runSocket(run, question.socket));
}

/** Decides on what is done with a socket besides naming an address. */
export function judgeUse(rules: Decided, { use, how, socket: ref }: UseQuestion): SocketVerdict {
  const { run } = rules;
  if (!looksAt(run)) return FREE;
  const socket = runSocket(run, ref);
  const refusal = decideControls(
    run.layers,
    socket,
    use,
    use === 'shutdown' && dissolves(socket, how ?? 'both'),
  );
  if (refusal !== null) return refused(refusal, socket);
  if (use !== 'accept' && use !== 'send' && use !== 'receive') return FREE;
  return askAgain(rules, socket, use === 'accept' ? ownEnd(ref) : farEnd(ref));
}

/** The right and address that stand for an end of a socket; `null` where it has none. */
function farEnd({ inet, peer, remote }: UseQuestion['socket']): Request | null {
  if (peer === null) return null;
  const right = inet.type === 'stream' ? 'net.connect_tcp' : 'net.connect_send_udp';
  return { kind: 'net', right, port: peer, ...(remote == null ? {} : { address: remote }) };
}

function ownEnd({ inet, port, local }: UseQuestion['socket']): Request | null {
  if (port === null) return null;
  const right = inet.type === 'stream' ? 'net.bind_tcp' : 'net.bind_udp';
  return { kind: 'net', right, port, ...(local == null ? {} : { address: local }) };
}

function askAgain(rules: Decided, socket: RunSocket, request: Request | null): SocketVerdict {
  if (request === null) return FREE;
  const asking = rules.run.layers.map((layer, index) => asksAgain(layer, index, socket));
  if (!asking.includes(true)) return FREE;
  const decision = rules.decide(request, (layer) => asking[layer] === true);
  return decision.errno === 0 ? FREE : { errno: decision.errno, decision, side: 'caller', ...madeOf(socket) };
}

/** Decides on a new socket. */
export function judgeCreate({ layers }: Run, { triple }: CreateQuestion): SocketVerdict {
  const refusal = decideCreate(layers, triple);
  return refusal === null ? FREE : refused(refusal);
}

/** Where a socket is known to come from. */
export function madeOf({ madeIn }: RunSocket): Pick<SocketVerdict, 'made'> {
  return madeIn === null ? {} : { made: madeIn === 0 ? 'outside' : 'inside' };
}

function refused({ errno, side, layer, name, missing }: ControlRefusal, socket?: RunSocket): SocketVerdict {
  const blame = { layer, name, verdict: 'deny', missing: [] } as const;
  return {
    errno,
    side,
    missing: [missing],
    ...(socket === undefined ? {} : madeOf(socket)),
    decision: { verdict: 'deny', blame, layers: [blame], errno },
  };
}
