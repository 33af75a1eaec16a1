/**
 * Decisions on paths that were asked for lately, by rights and path, so that a file that is opened again is not decided again.
 *
 * Nothing here can be stale: a decision depends on the rules, whose change makes this forget everything, and on the text of
 * the request alone. What the text means at the moment was found before, by every call anew.
 */

import { decideIndexed, type RuleIndex } from '../model/decide-rules.ts';
import { pathMask } from '../model/rules/rights.ts';
import type { Request, RulesDecision } from '../model/rules.ts';
import type { Run } from './run.ts';

/** More would let a program fill the memory of its supervisor with names. */
const MOST = 4096;
const LONGEST = 256;

/** The rules of one run, and what they have decided. */
export class Decided {
  readonly run: Run;
  readonly #byRights = new Map<number, Map<string, RulesDecision>>();
  #index: RuleIndex | undefined;
  #count = 0;

  constructor(run: Run) {
    this.run = run;
  }

  /** What the rules say; as `decideIndexed`. */
  decide(request: Request, asks?: (layer: number) => boolean): RulesDecision {
    const { index } = this.run;
    if (index !== this.#index) this.#forget();
    this.#index = index;
    if (request.kind !== 'path' || request.directory !== undefined || request.path.length > LONGEST)
      return decideIndexed(index, request, asks);
    const rights = pathMask(request.rights);
    let known = this.#byRights.get(rights);
    if (known === undefined) {
      known = new Map();
      this.#byRights.set(rights, known);
    }
    const found = known.get(request.path);
    if (found !== undefined) return found;
    const decision = decideIndexed(index, request);
    if (this.#count++ >= MOST) this.#forget();
    else known.set(request.path, decision);
    return decision;
  }

  #forget(): void {
    for (const known of this.#byRights.values()) known.clear();
    this.#count = 0;
  }
}
