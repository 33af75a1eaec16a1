/**
 * One question of a program to landward's name server: refused, or asked outside and passed on after a look at what it
 * says.
 *
 * Decides nothing itself: which names may be asked and which answers are believed is the model's (`rules/names.ts`).
 */

import type { RuleIndex } from '../../model/decide-rules.ts';
import { believesAnswer, decideName } from '../../model/rules/names.ts';
import { addressAnswer, type Query, RCODE, readAnswer, writeRefusal } from './message.ts';
import type { NameNews } from './table.ts';
import type { Way } from './upstream.ts';

/** An address stays with its name this long at least, and this much longer than the name server said: programs keep it. */
const SHORTEST_MS = 30_000;
const GRACE_MS = 600_000;
/** Names that are to be asked for by everybody who runs a resolver. */
const LONGEST_TTL = 86_400;

/** What answering needs. */
export interface Answering {
  readonly index: RuleIndex;
  /** Whether every name may be asked for: the policy allows the name server by its address. */
  readonly open: boolean;
  /** Whether what would be refused is only told of. */
  readonly observe?: boolean;
  ask(query: Query, way: Way): Promise<Uint8Array | null>;
  /** Tells the deciding thread; it has heard of it before the program hears the answer. */
  tell(news: NameNews): void;
  now(): number;
}

/**
 * Answers a question.
 *
 * @param from the port that it came from
 */
export async function answer(to: Answering, query: Query, way: Way, from: number): Promise<Uint8Array> {
  const decision = decideName(to.index, query.name);
  const allowed = decision.verdict === 'allow' || decision.verdict === 'ask';
  if (!allowed && !to.open) {
    to.tell({ kind: 'refused', port: from, refused: { name: query.name } });
    // As if there were no such name: programs go on at once, where a refusal would make them ask again.
    if (!to.observe) return writeRefusal(query, RCODE.nameError);
  }
  const bytes = await to.ask(query, way);
  if (bytes === null) return writeRefusal(query, RCODE.serverFailure);
  const read = readAnswer(query, bytes);
  if (read === null) return writeRefusal(query, RCODE.serverFailure);
  const doubted = to.open ? undefined : read.all.find((address) => !believesAnswer(to.index, address));
  if (doubted !== undefined) {
    to.tell({ kind: 'refused', port: from, refused: { name: query.name, address: doubted } });
    if (!to.observe) return writeRefusal(query, RCODE.nameError);
  }
  if (allowed || to.observe) {
    const believed = read.given.filter(({ address }) => believesAnswer(to.index, address));
    tellGiven(to, query.name, believed);
  }
  return addressAnswer(query, bytes);
}

/** Tells of addresses that a name server gave for a name. */
export function tellGiven(
  to: Pick<Answering, 'tell' | 'now'>,
  name: string,
  given: readonly { readonly address: string; readonly ttl: number }[],
): void {
  if (given.length === 0) return;
  const addresses = given.map(({ address, ttl }) => ({
    address,
    until: to.now() + Math.max(Math.min(ttl, LONGEST_TTL) * 1000, SHORTEST_MS) + GRACE_MS,
  }));
  to.tell({ kind: 'given', name, addresses });
}
