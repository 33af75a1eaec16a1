/**
 * A question that somebody outside of the deciding thread has to answer first: thrown by the authority, it ends the handler,
 * which is run again from the beginning once there is an answer.
 *
 * Owns the shapes. No handler may catch it, unless what it has done so far is a whole answer of its own.
 */

import type { DecideRequest } from '../../model/decide-request.ts';

/** What is asked. Equal keys are the same question about the same objects. */
export interface Asked {
  readonly key: string;
  /** Descriptors of the call whose objects must stay, so that the key can mean nothing else meanwhile. */
  readonly pins: readonly number[];
  readonly request: DecideRequest;
  /** Whether a rule says `ask`, so that no function alone can allow it. */
  readonly ask: boolean;
}

/** What was answered, and by whom. */
export interface Given {
  readonly verdict: 'allow' | 'deny';
  readonly by: string;
}

/** Ends a handler until its question is answered. No `Error`, for the same reason as `Refused`. */
export class Pending {
  readonly asked: Asked;

  constructor(asked: Asked) {
    this.asked = asked;
  }
}
