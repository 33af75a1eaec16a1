/**
 * What the model can do beyond Linux, by name, and the profiles that switch it. The `linux` profile has everything off:
 * a model that equals the kernel must not know of any of it. Whose credential decides on a socket, and programs at hooks, need
 * no switch: they are calls of their own.
 */

/** Each feature with what it adds. */
export const MODEL_FEATURES = {
  'socket.create': 'which sockets may be created',
  'fs.no_inherit': 'rules that keep the grants of their ancestors away',
  supervise: 'denied requests are asked about before they fail',
  'layers.change': 'layers that may change',
  programs: 'programs at hooks',
} as const satisfies Record<string, string>;

export type ModelFeature = keyof typeof MODEL_FEATURES;

/** A set of switched-on features. */
export type Profile = ReadonlySet<ModelFeature>;

/** The named profiles. */
export const PROFILES = {
  linux: new Set<ModelFeature>(),
  landward: new Set(Object.keys(MODEL_FEATURES) as ModelFeature[]),
} as const satisfies Record<string, Profile>;

/** Whether a profile has a feature. */
export function has(profile: Profile, feature: ModelFeature): boolean {
  return profile.has(feature);
}
