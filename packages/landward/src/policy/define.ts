/**
 * `definePolicy({...})`: the same keys and meaning as a policy file, with types from the same table.
 */

import type { POLICY_SCHEMA } from './schema.ts';
import type { TypeOf } from './schema-kinds.ts';

/** A policy written in TypeScript. */
export type PolicyDefinition = TypeOf<typeof POLICY_SCHEMA>;

/**
 * Types a policy that is written in TypeScript; checks happen where it is resolved, with the same messages as for a file.
 *
 * @param definition the policy, with the keys of a policy file
 * @returns the same object
 * @example
 * const policy = definePolicy({ extends: ['@node'], fs: { read: ['$project'] }, net: { connect: ['tcp:443'] } });
 */
export function definePolicy(definition: PolicyDefinition): PolicyDefinition {
  return definition;
}
