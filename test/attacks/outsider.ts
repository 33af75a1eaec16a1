/**
 * A process outside every domain that attacks aim at, and what became of it. It belongs to the same user, so that
 * nothing but the domain protects it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Outsider {
  readonly pid: number;
  /**
   * Whether SIGUSR1 reached it. Signals are delivered in order of their number or earlier, so a later SIGTERM tells:
   * the process dies of whichever came.
   */
  wasSignalled(): Promise<boolean>;
}

/** Starts it, with a secret in its environment, as this user or (for root) as another. */
export function startOutsider(token: string, uid?: number): Outsider {
  const child: ChildProcess = spawn('sleep', ['120'], {
    stdio: 'ignore',
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: { ...process.env, TOKEN: token },
  });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    pid: child.pid!,
    async wasSignalled() {
      child.kill('SIGTERM');
      const [, signal] = await ended;
      return signal === 'SIGUSR1';
    },
  };
}
