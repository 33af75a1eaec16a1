/**
 * The list of what this host cannot hold, while a policy is compiled.
 *
 * Owns acceptance by name; finding gaps is the work of the other `compile` files, refusing them of `compile-refuse.ts`.
 */

import type { Rule } from '../model/rules.ts';
import { FEATURES, type Feature } from './features.ts';
import type { Gap } from './plan.ts';

/** Collects gaps; the same feature for the same place in a text is one gap. */
export interface GapList {
  readonly gaps: readonly Gap[];
  /** Whether a person accepted this gap by name. */
  accepts(feature: Feature): boolean;
  add(
    feature: Feature,
    detail?: { readonly rule?: Rule; readonly lost?: string; readonly closes?: string },
  ): void;
}

/** An empty list. */
export function gapList(degrade: readonly Feature[]): GapList {
  const accepted = new Set(degrade);
  const found = new Map<string, Gap>();
  return {
    get gaps() {
      return [...found.values()];
    },
    accepts: (feature) => accepted.has(feature),
    add(feature, { rule, lost, closes } = {}) {
      const at = rule?.origin;
      const key =
        at === undefined
          ? `${feature} ${lost ?? ''}`
          : `${feature} ${at.file} ${at.line} ${at.column} ${lost ?? ''}`;
      if (found.has(key)) return;
      found.set(key, {
        feature,
        lost: lost ?? FEATURES[feature].lost,
        closes: closes ?? FEATURES[feature].closes,
        ...(rule === undefined ? {} : { rule }),
        accepted: accepted.has(feature),
      });
    },
  };
}
