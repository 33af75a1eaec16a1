/**
 * `definePolicy({...})`: the same keys and meaning as a policy file, with types from the same table, and
 * `.decide(function)`, which a file cannot have.
 *
 * Owns how a function comes with a policy. It is a part of the policy's object and not of its text, so that whatever takes
 * the policy takes the function, or says that it cannot.
 */

import { ALL_CATEGORIES, type DecideFunction, type DecideOptions } from '../model/decide-request.ts';
import type { Category } from '../model/rules.ts';
import type { POLICY_SCHEMA } from './schema.ts';
import type { TypeOf } from './schema-kinds.ts';

/** A policy written in TypeScript. */
export type PolicyDefinition = TypeOf<typeof POLICY_SCHEMA>;

/** Known by name, so that copies of landward in one process mean the same. Enumerable: a spread keeps the functions. */
const DECIDES: unique symbol = Symbol.for('landward.decides');

/** A policy that takes functions. */
export type DefinedPolicy = PolicyDefinition & {
  /**
   * The same policy with a function that is asked about each request that the rules allow. It can refuse, and allow nothing
   * that they do not. The program waits for it; what throws, answers something else or takes too long has refused.
   *
   * @param decide the function, or the function with its name, bounds, and the way to a person
   * @param options the same beside a function
   * @example
   * const policy = definePolicy({ extends: ['@node'], net: { connect: ['tcp:443'] } }).decide(({ category, object }) =>
   *   category === 'net' && object.kind === 'net' && object.address === '192.0.2.1' ? 'deny' : undefined,
   * );
   */
  decide(decide: DecideFunction | DecideOptions, options?: Omit<DecideOptions, 'decide'>): DefinedPolicy;
};

/**
 * Types a policy that is written in TypeScript; checks happen where it is resolved, with the same messages as for a file.
 *
 * @param definition the policy, with the keys of a policy file
 * @returns the same policy, which takes functions besides
 * @example
 * const policy = definePolicy({ extends: ['@node'], fs: { read: ['$project'] }, net: { connect: ['tcp:443'] } });
 */
export function definePolicy(definition: PolicyDefinition): DefinedPolicy {
  const policy = { ...definition };
  const decide: DefinedPolicy['decide'] = (asked, options = {}) => {
    return definePolicy(withFunctions(policy, [toOptions(asked, options)]));
  };
  // Not a key of the policy.
  return Object.defineProperty(policy, 'decide', { value: decide }) as DefinedPolicy;
}

/** The functions that came with a definition, where it is an object at all. */
export function functionsIn(definition: unknown): readonly DecideOptions[] {
  return typeof definition === 'object' && definition !== null ? functionsOf(definition) : [];
}

/** The parts of the system that functions are asked about. */
export function decidedBy(functions: readonly DecideOptions[]): readonly Category[] {
  const about = functions.flatMap(({ decide, about = ALL_CATEGORIES }) =>
    decide === undefined ? [] : about,
  );
  return ALL_CATEGORIES.filter((category) => about.includes(category));
}

/** The functions that came with a policy, in the order in which they were added. */
export function functionsOf(policy: object): readonly DecideOptions[] {
  return (policy as { readonly [DECIDES]?: readonly DecideOptions[] })[DECIDES] ?? [];
}

/** The same object with functions, besides those that it has. */
export function withFunctions<T extends object>(policy: T, functions: readonly DecideOptions[]): T {
  if (functions.length === 0) return policy;
  return { ...policy, [DECIDES]: [...functionsOf(policy), ...functions] };
}

/** A function, or a function with its options, as options. */
export function toOptions(
  asked: DecideFunction | DecideOptions,
  options: Omit<DecideOptions, 'decide'> = {},
): DecideOptions {
  return typeof asked === 'function' ? { ...options, decide: asked } : { ...options, ...asked };
}
