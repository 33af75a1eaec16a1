/** Policies from texts, for tests: one set of variables, presets by name, errors as lines. */

import { LandwardError, PolicyErrors } from '../../packages/landward/src/errors.ts';
import type { Policy } from '../../packages/landward/src/policy/policy.ts';
import {
  type FileSource,
  type PolicyInput,
  type PresetSource,
  resolvePolicy,
} from '../../packages/landward/src/policy/resolve.ts';
import type { SystemVariables } from '../../packages/landward/src/policy/vars.ts';

/** The variables of every policy test. */
export const VARIABLES: SystemVariables = {
  project: '/home/u/p',
  home: '/home/u',
  tmp: '/tmp',
  cache: '/home/u/.cache',
  config: '/home/u/.config',
  runtime: '/run/user/1000',
  uid: 1000,
};

export interface World {
  readonly presets?: Readonly<Record<string, ReturnType<PresetSource>>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly variables?: Partial<SystemVariables>;
}

/** Resolves inputs in a small world. */
export function resolveInputs(inputs: readonly PolicyInput[], world: World = {}): Promise<Policy> {
  const file: FileSource = (path) => {
    const text = world.files?.[path];
    return text === undefined ? undefined : new TextEncoder().encode(text);
  };
  return resolvePolicy(inputs, {
    variables: { ...VARIABLES, ...world.variables },
    preset: (name) => world.presets?.[name],
    file,
  });
}

/** Resolves one TOML text. */
export function resolveText(text: string, world: World = {}): Promise<Policy> {
  return resolveInputs([{ name: 'policy.toml', text, directory: '/home/u/p' }], world);
}

/** The errors that resolving raises; fails when there are none or when they are not landward's. */
export async function errorsOf(promise: Promise<unknown>): Promise<readonly LandwardError[]> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PolicyErrors) return error.errors;
    if (error instanceof LandwardError) return [error];
    throw error;
  }
  throw new Error('the text was accepted');
}

/** An error as one line: `line:column message`. */
export function shown({ at, message }: LandwardError): string {
  return `${at?.line}:${at?.column} ${message}`;
}
