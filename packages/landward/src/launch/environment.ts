/**
 * The environment of a started program: what of the caller's variables passes, and what the policy sets.
 *
 * Carries out an `EnvPlan`, which `policy/compile-env.ts` has completed with the variables that steer loaders.
 */

import { envMatches } from '../policy/env-glob.ts';
import type { EnvPlan } from '../policy/plan.ts';
import type { Environment } from './variables.ts';

/**
 * The variables that a program gets, sorted.
 *
 * @param plan what passes and what is set
 * @param environment the caller's variables
 * @returns `NAME=value` strings
 */
export function programEnvironment(plan: EnvPlan, environment: Environment): string[] {
  const passed = new Map<string, string>();
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && passes(plan, name)) passed.set(name, value);
  for (const [name, value] of Object.entries(plan.set)) passed.set(name, value);
  return [...passed].map(([name, value]) => `${name}=${value}`).sort();
}

function passes({ pass, scrub }: EnvPlan, name: string): boolean {
  if (name === '' || name.includes('=') || scrub.some((pattern) => envMatches(pattern, name))) return false;
  return pass === null || pass.some((pattern) => envMatches(pattern, name));
}
