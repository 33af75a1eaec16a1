/** What a person gives as a policy, as inputs of the resolver: names of presets and files, definitions. */

import { LandwardError } from '../errors.ts';
import type { PolicyDefinition } from '../policy/define.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyInput, PresetSource } from '../policy/resolve.ts';

/** Whether a policy is a named input, not a definition. */
export function isInput(policy: PolicyDefinition | PolicyInput): policy is PolicyInput {
  return 'name' in policy && ('text' in policy || 'value' in policy);
}

/** The content of a preset as the content of an input. */
export function presetBody(
  preset: PresetSource,
  name: string,
): Pick<PolicyInput, 'text' | 'format' | 'value'> {
  const content = preset(name);
  if (content === undefined)
    throw new LandwardError('POLICY_NOT_FOUND', `There is no preset '@${name}'`, {
      part: name,
      fix: 'See landward policy presets',
    });
  return typeof content === 'string' ? { text: content, format: 'toml' } : { value: content };
}

/** A path from a directory, without `.`, `..` and `//`. */
export function absolutePath(path: string, cwd: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${cwd}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The directory of an absolute path. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The policy of a project, as it was found. */
export interface FoundPolicy {
  readonly path: string;
  readonly state: 'approved' | 'not approved' | 'not trusted';
  /** Why it is not trusted. */
  readonly reason?: string;
  /** What an approval would hold for. */
  readonly digest: string;
}

export interface LoadedPolicy {
  readonly policy: Policy;
  /** Hex SHA-256 of the canonical policy, made when it is asked for. */
  readonly digest: string;
  readonly found?: FoundPolicy;
  /** The policy files that were read, after symbolic links: what landward protects from the program. */
  readonly files: readonly string[];
}
