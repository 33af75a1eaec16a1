/** Rulesets that programs hold by descriptor, and what such a descriptor means to the model. Owns the translation. */

import type { Ruleset, RulesetFd } from '../../model/landlock/index.ts';
import type { LayerSockets } from '../../model/sockets/index.ts';

/** A ruleset that can grow. */
export interface Held {
  ruleset: Ruleset;
  /** What the program said of sockets; absent where it said nothing. */
  sockets?: LayerSockets;
}

/** What a descriptor means to the model. */
export function rulesetFd(held: Held | null): RulesetFd {
  return held === null
    ? { kind: 'other' }
    : { kind: 'ruleset', ruleset: held.ruleset, read: true, write: true };
}
