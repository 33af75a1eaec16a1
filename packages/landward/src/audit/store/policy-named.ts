/** Finds the policy that a person names, by a run or a digest, and tells how it was used. Owns finding only. */

import { LandwardError } from '../../errors.ts';
import { layersOfRun, listRuns } from '../registry/read.ts';
import { stateDirectory } from '../state-directory.ts';
import type { Store } from './store.ts';
import { type PolicyUse, policyUse } from './uses.ts';

/**
 * How a policy was used.
 *
 * @param word the id of a run, or six or more digits of the digest of a policy
 * @throws LandwardError POLICY_NOT_FOUND where the registry has no such run, or its layers are gone
 */
export function useOfNamed(store: Store, word: string, state = stateDirectory()): PolicyUse {
  const wanted = word.replace(/^sha256:/, '').toLowerCase();
  if (/^[0-9a-f]{6,64}$/.test(wanted))
    for (const { record } of listRuns(state)) {
      if (!record.id.startsWith(wanted) && !record.digest.startsWith(wanted)) continue;
      const layers = layersOfRun(state, record);
      if (layers !== null) return policyUse(store, record.digest, layers);
    }
  throw new LandwardError('POLICY_NOT_FOUND', `No run in the registry has or is "${word}"`, {
    part: word,
    fix: 'landward stats lists runs; six or more digits of one or of a digest name its policy',
  });
}
