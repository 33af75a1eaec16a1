/** Which Landlock the running kernel has, as the model's behaviour: its ABI and errata, asked of the executor. */

import { spawnSync } from 'node:child_process';
import { type Behaviour, linux } from '../../packages/landward/src/model/index.ts';

/**
 * The behaviour of the running kernel.
 *
 * @param executor path of the built executor.
 */
export function runningBehaviour(executor: string): Behaviour {
  const { stdout, status } = spawnSync(executor, ['abi'], { encoding: 'utf8' });
  const [abi, errata] = stdout.trim().split(' ').map(Number);
  if (status !== 0 || abi === undefined || abi < 1)
    throw new Error(`this kernel has no Landlock (answer: ${stdout.trim()})`);
  return linux(abi, { errata: Math.max(errata!, 0) });
}
