/**
 * The host as a plan needs to know it, with what only the launcher can tell: the cgroup in which it can make others.
 */

import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { host } from '../kernel/host.ts';
import type { Host } from '../policy/plan.ts';

/** This host, for `compile`. */
export function planHost(): Host {
  const facts = host();
  const cgroup = hostCgroup();
  // Not a copy, which would ask for what nobody needs yet.
  return cgroup === undefined ? facts : Object.assign(facts, { cgroup });
}

/**
 * A cgroup v2 directory in which this process can make another one and enter it, with the controllers that one would get.
 * This process's own cgroup is tried, then the one above it (where service managers delegate).
 */
export function hostCgroup(): NonNullable<Host['cgroup']> | undefined {
  try {
    const own = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
    const mount = /^\S+ \S+ \S+ (\S+) (\S+) .*? - cgroup2 /m.exec(
      readFileSync('/proc/self/mountinfo', 'utf8'),
    );
    if (own === undefined || mount === null) return undefined;
    const [root, point] = [mount[1]!, mount[2]!];
    const below = root === '/' ? own : own.startsWith(root) ? own.slice(root.length) : undefined;
    if (below === undefined || below.includes('..')) return undefined;
    const path = join(point, below);
    return [path, ...(below === '/' || below === '' ? [] : [dirname(path)])]
      .map(offer)
      .find((found) => found !== undefined);
  } catch {
    return undefined;
  }
}

function offer(path: string): NonNullable<Host['cgroup']> | undefined {
  try {
    accessSync(path, constants.W_OK);
    accessSync(join(path, 'cgroup.procs'), constants.W_OK);
    const controllers = readFileSync(join(path, 'cgroup.subtree_control'), 'utf8')
      .trim()
      .split(/\s+/)
      .filter(Boolean);
    return controllers.length === 0 ? undefined : { path, controllers };
  } catch {
    return undefined;
  }
}
