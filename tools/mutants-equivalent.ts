/** Mutants that are no other model, by file and mutated line, with the reason. */

export const EQUIVALENT: Readonly<Record<string, string>> = {
  "operations.ts: if (mode.read) mask = request('open read');": 'the mask is empty before',
  'refer.ts: if (mount.parent === null && mount.mountpoint === null) return false;':
    'a mount has both a parent and a mountpoint, or neither',
  'walk.ts: if (mount.parent === null && mount.mountpoint === null) return false;':
    'a mount has both a parent and a mountpoint, or neither',
};
