/** What an explanation of denials is made of: stable codes and shapes that `--json` prints. Owns no wording. */

import type { DenialEvent } from '../../model/denial.ts';
import type { Request, Verdict } from '../../model/rules.ts';

/** Why, as a stable code. */
export type Reason =
  /** A rule says no. */
  | 'rule-denies'
  /** A rule covers the object and does not give the right. */
  | 'rule-lacks-right'
  /** No rule covers the object. */
  | 'not-granted'
  /** A move would give the object rights that it does not have where it is. */
  | 'move-gains'
  /** No policy can allow it: Landlock always denies it in a domain. */
  | 'always-denied'
  /** What a layer says about sockets beyond addresses: `aim`, `lock` or `sockets` of `[net]`. */
  | 'socket-control'
  /** The policy allows it: another domain said no, or the file was opened in one. */
  | 'not-this-policy'
  /** The policy language has no word for it, or the record does not say enough. */
  | 'not-expressible'
  /** The policy of the domain is not known here. */
  | 'policy-unknown';

/** One layer that refuses. */
export interface LayerReason {
  readonly layer: number;
  readonly name: string;
  readonly reason: Reason;
  readonly missing: readonly string[];
  readonly rule?: {
    readonly text: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
  };
  readonly because?: string;
  /** The allow rule that comes nearest, where none covers the object. */
  readonly nearest?: {
    readonly text: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
  };
}

/** What a change would open besides what was denied. */
export interface AlsoOpens {
  /** Objects that exist now and become accessible; `more` where counting ended early. */
  readonly count: number;
  readonly more: boolean;
  readonly secret: number;
  readonly samples: readonly string[];
}

/** The smallest change that would suffice, as an edit of one policy text. */
export interface Suggestion {
  /** The text to edit: a file, or the name of a layer that has none. */
  readonly file: string;
  readonly layer: number;
  /** `add`: a value into a list. `remove`: the line that says no has to go or be narrowed by a person. */
  readonly kind: 'add' | 'remove';
  readonly section: 'fs' | 'net' | 'unix' | 'process';
  readonly key: string;
  readonly value: string;
  /** Rights that the change gives. */
  readonly rights: readonly string[];
  /** Whether the model allows the denied request after the change. */
  readonly suffices: boolean;
  readonly alsoOpens: AlsoOpens;
  /** Why this needs a consent of its own. */
  readonly weighty?: string;
}

/** Denials of one kind, explained. */
export interface Explanation {
  readonly reason: Reason;
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
  /** One of the denials. */
  readonly event: DenialEvent;
  readonly request: Request | null;
  readonly verdict: Verdict;
  /** Every layer that refuses, oldest first. */
  readonly layers: readonly LayerReason[];
  /** Rights missing over all layers. */
  readonly missing: readonly string[];
  /** What the right was decided on: the caller, whoever opened the file, or the socket's creator. */
  readonly credential: 'caller' | 'opener' | 'socket';
  readonly suggestions: readonly Suggestion[];
}
