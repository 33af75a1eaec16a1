/**
 * Globs over absolute paths: `**` is any number of components, `*` any run inside one, `?` one character,
 * `[a-z]` and `[!a-z]` a class, `{a,b}` alternatives, `\` takes the next character as it is.
 *
 * Wildcards match leading dots: a deny must not miss hidden files. Matching walks the components once over a set
 * of states and never backtracks over more than one `*`, so hostile text costs at most text × pattern.
 * Owns matching only; what a match means for a rule is `rules/match-path.ts`.
 */

import { LandwardError } from '../errors.ts';
import { expandBraces } from './glob-braces.ts';
import { compileSegment, matchSegment, type Segment } from './glob-segment.ts';

/** One way to read a glob after its braces are expanded. */
export interface GlobPath {
  /** `null` is `**`. A trailing `**` is not here but in `below`. */
  readonly segments: readonly (Segment | null)[];
  /** Whether the glob ends in `**`: it then covers whatever its segments match and everything below. */
  readonly below: boolean;
}

/** A compiled glob. */
export interface Glob {
  readonly source: string;
  readonly paths: readonly GlobPath[];
  /** The path, if the glob has no wildcard at all except a trailing `**`. */
  readonly literal: string | null;
  readonly below: boolean;
}

/** How a glob fared along a path. */
export interface GlobWalk {
  /** Numbers of components (0 is the root) after which the glob was matched whole, ascending. */
  readonly accepted: readonly number[];
  /** For each way to read the glob, the states from which objects below the path may still match. */
  readonly live: readonly (readonly number[])[];
}

const MAX_GLOB = 4096;

/**
 * Compiles a glob.
 *
 * @param source an absolute glob in normal form (no `//`, `.` or `..` components)
 * @throws LandwardError `POLICY_INVALID` for a relative glob, unbalanced brackets or braces, or too many alternatives
 * @example compileGlob('/srv/**\/.env*')
 */
export function compileGlob(source: string): Glob {
  const invalid = (why: string) => new LandwardError('POLICY_INVALID', `Glob ${why}`, { part: source });
  if (!source.startsWith('/')) throw invalid('is not absolute');
  if (source.length > MAX_GLOB) throw invalid(`is longer than ${MAX_GLOB} characters`);
  if (source.includes('\0')) throw invalid('contains a NUL character');
  const expanded = expandBraces(source);
  const paths = expanded.map((text): GlobPath => {
    const segments: (Segment | null)[] = [];
    for (const part of text === '/' ? [] : text.slice(1).split('/')) {
      if (part === '' || part === '.' || part === '..') throw invalid(`has the component "${part}"`);
      if (part !== '**') segments.push(compileSegment(part, source));
      else if (segments.at(-1) !== null) segments.push(null);
    }
    const below = segments.at(-1) === null;
    if (below) segments.pop();
    return { segments, below };
  });
  const only = paths.length === 1 ? paths[0]! : undefined;
  const literal = only?.segments.every((segment) => segment?.literal !== undefined)
    ? `/${only.segments.map((segment) => segment!.literal).join('/')}`
    : null;
  return { source, paths, literal, below: only?.below ?? false };
}

/**
 * Walks a glob along the components of a path.
 *
 * @returns where it matched, for each reading that ends in `**` also the places below which everything matches
 */
export function walkGlob(glob: Pick<Glob, 'paths'>, path: readonly string[]): GlobWalk {
  const walks = glob.paths.map((reading) => walkReading(reading, path));
  const accepted =
    walks.length === 1
      ? walks[0]!.accepted
      : [...new Set(walks.flatMap((walk) => walk.accepted))].sort((a, b) => a - b);
  return { accepted, live: walks.map((walk) => walk.live) };
}

/** How one reading of a glob fared along a path. */
export interface ReadingWalk {
  readonly accepted: readonly number[];
  readonly live: readonly number[];
}

/** Walks one reading of a glob along the components of a path. */
export function walkReading({ segments }: GlobPath, path: readonly string[]): ReadingWalk {
  const accepted: number[] = [];
  const last = segments.length;
  let states: number[] = [];
  enter(states, segments, 0);
  if (states.includes(last)) accepted.push(0);
  for (let index = 0; index < path.length && states.length > 0; index++) {
    const next: number[] = [];
    for (const state of states) {
      const segment = segments[state];
      if (segment === null) enter(next, segments, state);
      else if (segment !== undefined && matchSegment(segment, path[index]!)) enter(next, segments, state + 1);
    }
    states = next;
    if (states.includes(last)) accepted.push(index + 1);
  }
  return { accepted, live: states.filter((state) => state < last) };
}

/** Adds a state, and those that a `**` reaches from it without a component. */
function enter(states: number[], segments: GlobPath['segments'], state: number): void {
  for (let at = state; !states.includes(at); at++) {
    states.push(at);
    if (segments[at] !== null) return;
  }
}

/**
 * Whether a glob matches a whole path.
 *
 * @example matchGlob(compileGlob('/a/**\/.env*'), '/a/b/.env.local') // true
 */
export function matchGlob(glob: Glob, path: string): boolean {
  const parts = path === '/' ? [] : path.slice(1).split('/');
  return glob.paths.some((reading) => {
    const { accepted } = walkReading(reading, parts);
    return reading.below ? accepted.length > 0 : accepted.at(-1) === parts.length;
  });
}
