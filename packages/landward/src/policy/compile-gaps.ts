/**
 * The list of what this host's kernel cannot hold, while a policy is compiled.
 *
 * Owns acceptance by name, and the split between what the supervisor holds instead and what remains a gap; finding gaps is
 * the work of the other `compile` files, refusing them of `compile-refuse.ts`.
 */

import type { Rule } from '../model/rules.ts';
import { FEATURES, type Feature } from './features.ts';
import type { Gap } from './plan.ts';

/** Collects gaps; the same feature for the same place in a text is one gap. */
export interface GapList {
  readonly gaps: readonly Gap[];
  /** What the supervisor holds instead of the kernel. */
  readonly held: readonly Gap[];
  /** Whether the kernel's part is compiled without the feature: a person accepted the gap by name, or the supervisor holds it. */
  accepts(feature: Feature): boolean;
  /** Whether the supervisor holds the feature in this plan. */
  holds(feature: Feature): boolean;
  /** `open`: a gap of this feature that the supervisor cannot close. */
  add(
    feature: Feature,
    detail?: {
      readonly rule?: Rule;
      readonly lost?: string;
      readonly closes?: string;
      readonly open?: boolean;
    },
  ): void;
}

/**
 * An empty list.
 *
 * @param degrade the gaps that a person accepted
 * @param supervised the features that the supervisor holds in this plan
 */
export function gapList(degrade: readonly Feature[], supervised: ReadonlySet<Feature> = new Set()): GapList {
  const accepted = new Set(degrade);
  const found = new Map<string, Gap>();
  const held = new Map<string, Gap>();
  return {
    get gaps() {
      return [...found.values()];
    },
    get held() {
      return [...held.values()];
    },
    accepts: (feature) => accepted.has(feature) || supervised.has(feature),
    holds: (feature) => supervised.has(feature),
    add(feature, { rule, lost, closes, open } = {}) {
      const at = rule?.origin;
      const key =
        at === undefined
          ? `${feature} ${lost ?? ''}`
          : `${feature} ${at.file} ${at.line} ${at.column} ${lost ?? ''}`;
      const list = supervised.has(feature) && rule?.enforce !== 'kernel' && open !== true ? held : found;
      if (list.has(key)) return;
      list.set(key, {
        feature,
        lost: lost ?? FEATURES[feature].lost,
        closes: closes ?? FEATURES[feature].closes,
        ...(rule === undefined ? {} : { rule }),
        accepted: accepted.has(feature),
        ...(open === true ? { open } : {}),
      });
    },
  };
}

/** The same acceptance, for what is compiled once more: its gaps are known. */
export function silent({ accepts, holds }: GapList): GapList {
  return { gaps: [], held: [], accepts, holds, add: () => {} };
}
