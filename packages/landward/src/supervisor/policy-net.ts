/**
 * Questions about network addresses, as the rules of a policy answer them: an address stands for itself and for the names that
 * mean it, and only layers that have a say about the socket are asked.
 *
 * Decides nothing itself. What layers refuse of a socket whatever the address is, comes first (`policy-sockets`).
 */

import type { Request } from '../model/rules.ts';
import type { Question } from './authority.ts';
import type { Decided } from './decided.ts';
import { requestsOf } from './policy-questions.ts';
import { madeOf, refusedAim, type SocketVerdict, sidesOf } from './policy-sockets.ts';
import { runSocket } from './sockets/made.ts';

const FREE: SocketVerdict = { errno: 0 };

/** Decides on an address. */
export function judgeNet(rules: Decided, question: Extract<Question, { kind: 'net' }>): SocketVerdict {
  const refusal = refusedAim(rules.run, question);
  if (refusal !== null) return refusal;
  const asked = requestsOf(question);
  if (asked.kind !== 'any') return FREE;
  const sides = sidesOf(rules.run, question);
  if (sides === null) return reached(rules, asked.requests);
  const verdict = reached(rules, asked.requests, (layer) => sides[layer] !== null);
  const side = sides[verdict.decision?.blame.layer ?? -1];
  if (side == null) return verdict;
  return { ...verdict, side, ...madeOf(runSocket(rules.run, question.socket)) };
}

/**
 * An address is reached where it, or a name that means it, is allowed, and no rule about one of its names says no. The
 * model weighs a name against rules about addresses within one request.
 */
export function reached(
  rules: Decided,
  requests: readonly Request[],
  asks?: (layer: number) => boolean,
): SocketVerdict {
  const decisions = requests.map((request) => rules.decide(request, asks));
  const byName = decisions.filter(({ layers }) =>
    layers.some(
      ({ verdict, rule }) => verdict !== 'allow' && rule?.kind === 'net' && rule.host.kind === 'name',
    ),
  );
  // A person is asked only where no other name is refused.
  const named = byName.find(({ verdict }) => verdict !== 'ask') ?? byName[0];
  if (named !== undefined) return { errno: named.errno, decision: named };
  const allowed = decisions.find(({ errno }) => errno === 0);
  if (allowed !== undefined) {
    rules.run.uses.add(allowed);
    return FREE;
  }
  const told = decisions.findLast(({ blame }) => blame.rule !== undefined) ?? decisions.at(-1)!;
  return { errno: told.errno, decision: told };
}
