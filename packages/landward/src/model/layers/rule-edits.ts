/**
 * Edits of a layer of rules that may change. Owns the words; what they come to, and whether a layer gives more by them, is
 * `rule-change.ts`.
 */

import type { Rule } from '../rules.ts';

/** One edit. A list of edits counts as a whole or not at all. */
export type RuleEdit =
  /** One more rule: an `allow` gives, a `deny`, `hide` or `ask` takes. */
  | { readonly kind: 'add'; readonly rule: Rule }
  /** Takes the rule away that says the same about the same object. */
  | { readonly kind: 'remove'; readonly rule: Rule }
  /** Keeps of the rules about the same object only the rights that this rule names; no such rule changes nothing. */
  | { readonly kind: 'intersect'; readonly rule: Rule }
  /** One rule in another's place, with no moment between. */
  | { readonly kind: 'replace'; readonly rule: Rule; readonly by: Rule }
  /** A system call that the layer handles. */
  | { readonly kind: 'allow-call' | 'refuse-call'; readonly name: string };
