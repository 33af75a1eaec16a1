/**
 * `--program FILE[,MAP=PATH...]`: a file of policy programs, and objects that are put into its inode maps.
 *
 * Owns the words of the option. A comma in a path cannot be written here; a policy or the library can.
 */

import { LandwardError } from '../errors.ts';
import type { Policy, PolicyProgram } from '../policy/policy.ts';
import { absolutePath } from './load-input.ts';

/**
 * A policy with the programs of a command line; their files are protected from the program as the policy's own are.
 *
 * @throws LandwardError USAGE
 */
export function withPrograms(policy: Policy, options: readonly string[], cwd: string): Policy {
  const given = options.map((option) => programOf(option, cwd));
  return {
    ...policy,
    programs: [...(policy.programs ?? []), ...given],
    protect: [...(policy.protect ?? []), ...given.map(({ path }) => path)],
  };
}

function programOf(option: string, cwd: string): PolicyProgram {
  const [file = '', ...entries] = option.split(',');
  const inodes = new Map<string, string[]>();
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals <= 0 || equals === entry.length - 1)
      throw new LandwardError('USAGE', `An entry of a map is MAP=PATH, not ${JSON.stringify(entry)}`, {
        part: entry,
      });
    const map = entry.slice(0, equals);
    inodes.set(map, [...(inodes.get(map) ?? []), absolutePath(entry.slice(equals + 1), cwd)]);
  }
  return { path: absolutePath(file, cwd), inodes: Object.fromEntries(inodes), origin: ORIGIN };
}

const ORIGIN = { file: 'command line', line: 1, column: 1 } as const;
