/**
 * What presets mean in a place: a project that holds the home directory is none, and under `@default` the command that a
 * person names may be run wherever it lies.
 *
 * Only takes rules of presets away, or opens the one file that was named. Loading is `load.ts`.
 */

import { realpathSync } from 'node:fs';
import { isBelow } from '../model/paths.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyInput, SystemVariables } from '../policy/resolve.ts';
import { findCommand } from './command.ts';
import { absolutePattern } from './command-line.ts';
import { withTemporary } from './temporary.ts';

/** The name of the text that opens the command. */
const COMMAND = 'the command';
/** What `@default` opens of the system anyway. */
const SYSTEM = ['/usr', '/opt'];

/**
 * A resolved policy as it holds in its place, wherever it was loaded from.
 *
 * @param foreign trees whose links may not lead a grant out
 */
export function placePolicy(policy: Policy, variables: SystemVariables, foreign: readonly string[]): Policy {
  return { ...closeHomeProject(withTemporary(policy, variables), variables), foreign };
}

/**
 * Closes a project that is the home directory, or holds it, as far as presets open it: whoever stands there does not
 * mean that all of it is one project, and no list of secrets is complete. What a person wrote stays.
 */
function closeHomeProject(policy: Policy, { project, home, tmp }: SystemVariables): Policy {
  const [grant, ...limits] = policy.layers;
  if (!isBelow(home, project) || project === tmp || grant === undefined) return policy;
  const rules = grant.rules.filter(
    (rule) =>
      !(
        rule.kind === 'path' &&
        rule.verdict === 'allow' &&
        rule.origin.preset !== undefined &&
        rule.pattern.path === project
      ),
  );
  if (rules.length === grant.rules.length) return policy;
  const preset = grant.rules.find((rule) => !rules.includes(rule))!.origin.preset!;
  const what = project === home ? 'is the home directory' : 'holds the home directory or the whole system';
  const note = {
    code: 'home-project',
    text: `${preset} does not open '${project}', which ${what}: change to the directory of a project, or name what to open with --read and --write`,
    at: { file: preset, line: 0, column: 0 },
  } as const;
  return { ...policy, layers: [{ ...grant, rules }, ...limits], notes: [...(policy.notes ?? []), note] };
}

/**
 * A text that opens the file of a command, after symbolic links, for reading and running; nothing where there is no such
 * command or the system's rules open it anyway.
 */
export function commandInput(command: string, cwd: string): PolicyInput | undefined {
  let file: string;
  try {
    file = realpathSync(findCommand(command, process.env.PATH, cwd));
  } catch {
    // Whoever starts the command says what is wrong with it.
    return undefined;
  }
  if (SYSTEM.some((place) => isBelow(file, place))) return undefined;
  const path = absolutePattern('.', file);
  return {
    name: COMMAND,
    value: { fs: { exec: [{ path, because: 'it was named on the command line' }] } },
    directory: cwd,
  };
}

/** A policy with a note about the command that `commandInput` opened, where it did. */
export function tellCommand(policy: Policy): Policy {
  const rule = policy.layers[0]?.rules.find(({ origin }) => origin.file === COMMAND);
  if (rule?.kind !== 'path') return policy;
  const text = `'${rule.pattern.path}' can be run and read, because it is the command`;
  return { ...policy, notes: [...(policy.notes ?? []), { code: 'opens-command', text, at: rule.origin }] };
}
