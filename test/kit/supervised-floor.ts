/** A kernel ruleset that allows everything, so that there is a domain: what a supervised plan of bare rules has below it. */

import { statPaths } from '../../packages/landward/src/kernel/host.ts';
import type { PlanRuleset } from '../../packages/landward/src/policy/plan.ts';
import { abiRow } from '../../packages/landward/src/uapi/landlock.ts';

/** All rights on files that an ABI knows, granted on the root; `null` where there is no Landlock. */
export function fsMaskOfAbi(abi: number): PlanRuleset | null {
  if (abi === 0) return null;
  const { fs } = abiRow(abi);
  const root = statPaths(['/'])[0]!;
  return {
    handledFs: fs,
    handledNet: 0,
    scoped: 0,
    paths: [
      {
        path: '/',
        access: fs,
        identity: { dev: root.dev, ino: root.ino },
        missing: 'required',
        origins: [],
      },
    ],
    ports: [],
    restrictFlags: 0,
  };
}
