/** Rulesets that programs hold by descriptor, and what such a descriptor means to the model. Owns the translation. */

import { type Domain, type Ruleset, type RulesetFd, rulesetOf } from '../../model/landlock/index.ts';
import type { LayerSockets } from '../../model/sockets/index.ts';
import type { LandlockRun } from './landlock-run.ts';

/** A ruleset that can grow, unless it is a copy of a domain. */
export interface Held {
  ruleset: Ruleset;
  /** What the program said of sockets; absent where it said nothing. */
  sockets?: LayerSockets;
  /** Of a copy: what each layer of the domain was made of, oldest first. `ruleset` is the last one's. */
  readonly copied?: readonly CopiedLayer[];
}

/** A layer of a domain as it can be put on again. */
export interface CopiedLayer {
  readonly ruleset: Ruleset;
  readonly sockets: LayerSockets;
}

/** A domain as something that `landlock_restrict_self` takes: each of its layers, with what they say of sockets. */
export function copyOf(landlock: LandlockRun, domain: Domain): Held {
  const copied = domain.layers.map(({ node }, depth) => ({
    ruleset: rulesetOf(domain, depth),
    sockets: landlock.says(node),
  }));
  return { ruleset: copied.at(-1)!.ruleset, copied };
}

/** What a descriptor means to the model. */
export function rulesetFd(held: Held | null): RulesetFd {
  return held === null
    ? { kind: 'other' }
    : { kind: 'ruleset', ruleset: held.ruleset, read: true, write: held.copied === undefined };
}
