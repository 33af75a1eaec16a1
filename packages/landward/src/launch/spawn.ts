/**
 * Starting a confined program from Node: the entrance. The life of the program is `running.ts`, the layout of its start is
 * `steps.ts`, and what is allowed is the plan's business.
 */

import { Running } from './running.ts';
import type { SpawnOptions } from './spawn-options.ts';

export { Running } from './running.ts';
export type { Confinement, SpawnOptions } from './spawn-options.ts';

/**
 * Starts a program under a policy. With a plan the process exists when this returns; with a policy, once that is compiled.
 *
 * The returned object is a promise of the result and carries the streams. A run that did not end with exit status 0
 * rejects with an error that has every field of the result (unless `reject` is false).
 *
 * @param command a name to search in PATH, or a path; never a shell line
 * @param args its arguments, without the name
 * @example
 * const { stdout } = await spawn('git', ['log', '-1'], { policy: { extends: ['@git'], fs: { read: ['$project'] } } });
 */
export function spawn(command: string, args: readonly string[], options: SpawnOptions): Running {
  return new Running(command, args, options);
}
