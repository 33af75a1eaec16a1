/**
 * Where temporary files of a confined program go. Usually the system's directory; where that directory holds the home
 * directory (a throw-away HOME in a build job), granting it would open every secret of home and landward's own state,
 * so that `$tmp` is then a directory of landward's in home, and the program is told by TMPDIR.
 */

import { isBelow } from '../model/paths.ts';
import type { Policy } from '../policy/policy.ts';
import type { SystemVariables } from '../policy/vars.ts';

const OWN = '/.cache/landward/tmp';

/** The directory for `$tmp`. Both paths after symbolic links. */
export function temporaryDirectory(system: string, home: string): string {
  return isBelow(home, system) ? `${home === '/' ? '' : home}${OWN}` : system;
}

/** Whether `$tmp` stands for a directory of landward's instead of the system's. */
function isOwn({ home, tmp }: SystemVariables): boolean {
  return tmp === `${home === '/' ? '' : home}${OWN}`;
}

/** Makes a policy create its own temporary directory where it grants it, and tells the program by TMPDIR. */
export function withTemporary(policy: Policy, variables: SystemVariables): Policy {
  if (!isOwn(variables)) return policy;
  const { tmp } = variables;
  let granted = false;
  const layers = policy.layers.map((layer) => {
    if (layer.kind !== 'grant') return layer;
    const rules = layer.rules.map((rule) => {
      if (rule.kind !== 'path' || rule.verdict !== 'allow' || rule.pattern.path !== tmp) return rule;
      granted = true;
      return { ...rule, missing: 'create' as const };
    });
    return { ...layer, rules };
  });
  if (!granted) return policy;
  return { ...policy, layers, env: { ...policy.env, set: { TMPDIR: tmp, ...policy.env.set } } };
}
