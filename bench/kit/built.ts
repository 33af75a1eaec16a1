/**
 * landward as users get it: built and staged below the cache, because running from sources would measure the removal of
 * types. Dependencies resolve to the clone's own `node_modules`, which lies above the cache.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { stage } from '../../tools/pack.ts';
import { cache } from './places.ts';

export interface Built {
  /** The command line. */
  readonly bin: string;
  /** The library's entry. */
  readonly index: string;
}

let built: Promise<Built> | undefined;

/** Builds once per process. */
export function builtLandward(): Promise<Built> {
  built ??= (async () => {
    const folder = join(cache, 'landward');
    rmSync(folder, { recursive: true, force: true });
    await stage(folder);
    return { bin: join(folder, 'bin/landward.js'), index: join(folder, 'dist/index.js') };
  })();
  return built;
}
