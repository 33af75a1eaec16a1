/**
 * Descriptors that a policy wants kept: whether they are what somebody handed on, and not Node's own.
 *
 * Node opens event queues, rings and pipes under the lowest free numbers. A kept number that nobody handed on would give
 * one of those to the program, a ring among them, which no filter sees.
 */

import { readdirSync, readlinkSync } from 'node:fs';
import { LandwardError } from '../errors.ts';

/**
 * Checks the descriptors to keep.
 *
 * @param fds their numbers
 * @param handedOn whether they must come from whoever started this process (the command line), not from its own code
 * @throws LandwardError USAGE for one that is not open, or is Node's own
 */
export function checkKeptDescriptors(fds: readonly number[], handedOn: boolean): void {
  if (fds.length === 0) return;
  const links = new Map(readdirSync('/proc/self/fd').map((name) => [Number(name), linkOf(name)]));
  const all = [...links].filter(([fd]) => fd > 2).map(([, link]) => link);
  for (const fd of fds) {
    const link = links.get(fd);
    const queue = link !== undefined && /^anon_inode:\[(eventpoll|eventfd|io_uring)\]$/.test(link);
    // Whoever hands a pipe on keeps its other end; Node's own pipes have both ends here.
    const ownPipe = handedOn && link?.startsWith('pipe:') && all.filter((other) => other === link).length > 1;
    if (link !== undefined && !queue && !ownPipe) continue;
    throw new LandwardError('USAGE', `Cannot keep descriptor ${fd}: nobody handed one on with this number`, {
      part: String(fd),
      fix: 'Open it for landward (3<file in a shell), or take it out of keep_fds',
    });
  }
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
