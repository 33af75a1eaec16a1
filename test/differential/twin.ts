/** A twin of the path walk, written as the rules are spoken: random layers over a fixed tree, and what each lacks. */

import fc from 'fast-check';
import { FS_RIGHTS, type FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import type { LayerText, Scene } from './scene.ts';

export const RIGHTS = Object.keys(FS_RIGHTS) as FsRight[];

/** A tree of fixed shape: /0/1/2 with files beside, so that rules fall on every depth. */
export const PLACES = [
  '/',
  '/0',
  '/0/1',
  '/0/1/2',
  '/0/f',
  '/0/1/f',
  '/0/1/2/f',
  '/3',
  '/3/f',
  '/3/4',
  '/3/4/f',
];
export const tree = Object.fromEntries(
  PLACES.slice(1).map((path) => [path, path.endsWith('f') ? 'reg' : 'dir'] as const),
);

export interface TwinLayer {
  readonly handled: ReadonlySet<FsRight>;
  readonly rules: readonly (readonly [string, ReadonlySet<FsRight>])[];
}

const someRights = fc.subarray(RIGHTS).map((rights) => new Set(rights));
export const twinLayer: fc.Arbitrary<TwinLayer> = someRights.chain((handled) =>
  fc.record({
    handled: fc.constant(handled as ReadonlySet<FsRight>),
    rules: fc.array(
      fc.tuple(
        fc.constantFrom(...PLACES),
        fc.subarray([...handled]).map((rights) => new Set(rights)),
      ),
      { maxLength: 6 },
    ),
  }),
);

/** Rights that a rule on a file may carry, by the table. */
export const fits = (path: string, right: FsRight) => !path.endsWith('f') || FS_RIGHTS[right].file;

export function layersOf(scene: Scene, layers: readonly TwinLayer[]): LayerText[] {
  return layers.map(({ handled, rules }) => ({
    // A layer needs something handled; a scope changes nothing here.
    handledFs: fsMask(...handled),
    scoped: 1,
    rules: rules.flatMap(([path, rights]) => {
      const access = fsMask(...[...rights].filter((right) => fits(path, right)));
      return access === 0 ? [] : [[scene.at(path), access] as const];
    }),
  }));
}

const above = (path: string) =>
  PLACES.filter((place) => place === path || place === '/' || path.startsWith(`${place}/`));

/** What one layer lacks of some rights for an object: said with sets, for each right on its own. */
export function lacks(layer: TwinLayer, path: string, asked: Iterable<FsRight>): Set<FsRight> {
  const chain = above(path);
  const denied = new Set<FsRight>();
  for (const right of asked) {
    if (!layer.handled.has(right) && right !== 'fs.refer') continue;
    const granted = layer.rules.some(
      ([place, rights]) => chain.includes(place) && rights.has(right) && fits(place, right),
    );
    if (!granted) denied.add(right);
  }
  return denied;
}
